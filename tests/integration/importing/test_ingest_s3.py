"""Upload pictures to ``origin ingest`` over a real object store."""

import hashlib
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image

from stack.object_store import ObjectStoreServer
from stack.processes.server import away
from stack.processes.waiting import wait_until
from tests.support.sites.upload_site import UploadSite


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStoreServer]:
    with ObjectStoreServer(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, store: ObjectStoreServer) -> Iterator[UploadSite]:
    with UploadSite(tmp_path_factory.mktemp("ingest-s3"), store.origin_options()) as running:
        yield running


def picture(colour: int) -> bytes:
    file = BytesIO()
    Image.effect_noise((400, 300), colour).save(file, "PNG")
    return file.getvalue()


def test_an_upload_goes_to_the_bucket_and_is_served_from_it(site: UploadSite) -> None:
    content = picture(60)
    assert site.put("bucket-1", content).status_code == 201
    assert site.files() == []
    assert site.site.request("bucket-1").content == content
    assert Image.open(BytesIO(site.site.request("bucket-1/thumb").content)).size == (256, 192)
    assert site.put("bucket-1", content).json()["changed"] is False
    site.ban("digest", hashlib.sha256(content).hexdigest())
    assert site.put("bucket-2", content).status_code == 451


def test_while_the_bucket_is_away_uploads_are_503_and_nothing_is_recorded(
    site: UploadSite, store: ObjectStoreServer
) -> None:
    content = picture(61)
    with away(store):
        answer = site.put_once("away-1", content)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert site.count("SELECT COUNT(*) FROM images WHERE code = 'away-1'") == 0
    wait_until(lambda: site.put("away-1", content).status_code == 201, "the bucket takes objects again")
    assert site.site.request("away-1").content == content

"""Ban content through a door by each name that the world has for it, before and after a file comes with it."""

import hashlib
from collections.abc import Iterator

import pytest

from stack.door import Door
from tests.support.door.door_client import DoorClient
from tests.support.images.images_with_metadata import noise, saved, told_of
from tests.support.sites.upload_site import UploadSite

RECEIVED = ("sha256", "sha1", "md5")


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UploadSite]:
    with UploadSite(tmp_path_factory.mktemp("digests")) as running:
        yield running


@pytest.fixture(scope="module")
def client(uploads: UploadSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorClient]:
    with Door(tmp_path_factory.mktemp("door"), uploads.site.database) as door:
        yield DoorClient(door, door.token)
        assert "Traceback" not in door.log_text()


def picture(grain: int) -> bytes:
    return saved(noise(size=(64, 64), grain=grain), "JPEG", comment=b"a", exif=told_of())


@pytest.mark.parametrize("kind", [*RECEIVED, "canonical"])
def test_an_order_takes_each_name_of_a_content(uploads: UploadSite, client: DoorClient, kind: str) -> None:
    content, code = picture(500 + len(kind)), f"known-{kind}"
    assert uploads.put(code, content).status_code == 201
    canonical = uploads.site.digest_of(code)
    assert canonical != hashlib.sha256(content).hexdigest()
    name = canonical if kind == "canonical" else hashlib.new(kind, content).hexdigest()
    answer = client.order(digest=name.upper())
    assert (answer.status_code, answer.json().get("subject")) == (202, canonical), answer.text
    assert uploads.site.request(code).status_code == 410
    assert client.lift(answer.json()["id"]).status_code == 202
    assert uploads.site.request(code).status_code == 200


@pytest.mark.parametrize("kind", RECEIVED)
def test_an_order_by_a_name_that_no_file_has_yet_needs_ahead_and_holds(
    uploads: UploadSite, client: DoorClient, kind: str
) -> None:
    content, code = picture(600 + len(kind)), f"ahead-{kind}"
    name = hashlib.new(kind, content).hexdigest()
    refused = client.order(digest=name)
    assert (refused.status_code, refused.json()["kind"]) == (422, "unknown-subject")
    assert name in refused.json()["detail"]
    key = f"key-{kind}"
    number = client.order(key, digest=name, ahead=True).json()["id"]
    assert uploads.put(code, content).status_code == 451
    repeated = client.order(key, digest=name, ahead=True)
    assert (repeated.json()["id"], repeated.headers["Idempotency-Replayed"]) == (number, "true")
    assert client.lift(number).status_code == 202
    assert uploads.put(code, content).status_code == 201

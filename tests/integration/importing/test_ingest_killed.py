"""Kill ``origin ingest`` in the middle of a thousand uploads, and look for halves."""

import hashlib
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
import requests
from PIL import Image

from stack.processes.waiting import wait_until
from tests.support.sites.upload_site import UploadSite

UPLOADS = 1000
CLIENTS = 32

#: Uploads that are acknowledged when the listener is killed.
KILLED_AT = (200, 600)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UploadSite]:
    with UploadSite(tmp_path_factory.mktemp("ingest-killed"), ORIGIN_INGEST_THREADS=str(CLIENTS)) as running:
        yield running


def picture(number: int) -> bytes:
    """Draw a picture that is larger than its thumbnail; every tenth one is drawn twice."""
    file = BytesIO()
    Image.new("RGB", (320, 240), (number // 10, number % 10 and number % 256, 77)).save(file, "PNG")
    return file.getvalue()


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def assert_store_is_whole(site: UploadSite) -> set[str]:
    """Assert that each file has the bytes that its name says. Returns the digests of all files."""
    found = [path for path in site.files() if not path.name.startswith(".incoming-")]
    assert {path.name: digest_of(path.read_bytes()) for path in found} == {path.name: path.name for path in found}
    assert all(path == path.parents[2] / path.name[:2] / path.name[2:4] / path.name for path in found)
    return {path.name for path in found}


def recorded(site: UploadSite) -> dict[tuple[str, str], tuple[str, int]]:
    """Return digest and size of each rendition in the database, by code and name."""
    with site.site.admin.cursor() as cursor:
        cursor.execute(
            "SELECT code, name, digest, size FROM images JOIN renditions USING (code) WHERE code LIKE 'upload-%'"
        )
        return {(str(code), str(name)): (str(digest), int(size)) for code, name, digest, size in cursor.fetchall()}  # type: ignore[arg-type]


def test_no_upload_is_half_done_when_the_listener_is_killed_twice(site: UploadSite) -> None:
    contents = {f"upload-{number}": picture(number) for number in range(UPLOADS)}
    acknowledged: dict[str, str] = {}
    unanswered: list[str] = []
    listening = threading.Event()
    listening.set()

    def upload(code: str) -> None:
        assert listening.wait(120)
        try:
            answer = site.put(code, contents[code])
        except requests.ConnectionError:
            unanswered.append(code)
            return
        assert answer.status_code in (200, 201), answer.text
        acknowledged[code] = answer.json()["digest"]

    with ThreadPoolExecutor(CLIENTS) as pool:
        waiting = [pool.submit(upload, code) for code in contents]
        for number in KILLED_AT:
            wait_until(lambda number=number: len(acknowledged) >= number, f"{number} uploads acknowledged")  # type: ignore[misc]
            listening.clear()
            site.ingest.kill()
            site.ingest.start()
            listening.set()
        for each in waiting:
            each.result()

    assert len(acknowledged) + len(unanswered) == UPLOADS
    assert len(acknowledged) > UPLOADS - CLIENTS * (len(KILLED_AT) + 1)
    assert unanswered, "the listener was killed in the middle of uploads"
    assert_whole(site, contents, acknowledged)

    # What got no answer is uploaded again, and then all is as if nothing had happened.
    for code in unanswered:
        upload(code)
    assert acknowledged.keys() == contents.keys()
    assert_whole(site, contents, acknowledged)
    assert len(recorded(site)) == 2 * UPLOADS


def assert_whole(site: UploadSite, contents: dict[str, bytes], acknowledged: dict[str, str]) -> None:
    """Assert that each acknowledged image is there, and that no row, acknowledged or not, lacks its bytes."""
    digests = assert_store_is_whole(site)
    rows = recorded(site)
    for code, digest in acknowledged.items():
        assert digest == digest_of(contents[code])
        assert rows[code, "original"] == (digest, len(contents[code]))
        assert (code, "thumb") in rows
    codes = {code for code, _ in rows}
    assert rows.keys() == {*itertools.product(codes, ("original", "thumb"))}, "all renditions of an image or none"
    files: dict[str, Path] = {path.name: path for path in site.files()}
    for digest, size in rows.values():
        assert digest in digests
        assert files[digest].stat().st_size == size
    for code in [*acknowledged][::97]:
        assert site.site.request(code).content == contents[code]
        assert site.site.request(f"{code}/thumb").status_code == 200


def test_banned_content_is_not_let_in_by_a_restart(site: UploadSite) -> None:
    content = picture(5555)
    ban = site.ban("digest", digest_of(content))
    for _ in range(2):
        answer = site.put("again-1", content)
        assert (answer.status_code, answer.json()["bans"]) == (451, [ban])
        site.ingest.kill()
        site.ingest.start()
    assert site.count("SELECT COUNT(*) FROM images WHERE code = 'again-1'") == 0

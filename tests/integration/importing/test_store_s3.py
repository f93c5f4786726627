"""Serve from a real object store and import into it, with the store away, frozen, damaged and refusing."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore
import pytest
import requests

from origin.stores.store import key_of
from stack.object_store import ObjectStoreServer
from stack.processes.server import away, frozen
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.sites.origin_site import OriginSite

#: Longest answer in seconds. The promise is 3; a busy machine gets more. Without its bounds, a client waits 30.
G9_SECONDS = 9

#: Bytes of an image that takes several requests to the store.
LARGE = (3 << 20) + 17


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStoreServer]:
    with ObjectStoreServer(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, store: ObjectStoreServer) -> Iterator[OriginSite]:
    options = {"ORIGIN_WORKERS": "1", "ORIGIN_THREADS": "4"} | store.origin_options()
    with OriginSite(tmp_path_factory.mktemp("s3"), **options) as running:
        yield running


@pytest.fixture(scope="module")
def image(site: OriginSite) -> str:
    return site.new_image()


def object_of(site: OriginSite, code: str) -> str:
    """Return the name of an image's object in the bucket."""
    return "renditions/" + key_of(site.request(code).headers["ETag"].strip('"'))


def put(store: ObjectStoreServer, name: str, content: bytes) -> None:
    obstore.put(store.client(), name, content)


def new_large(site: OriginSite, store: ObjectStoreServer, size: int = LARGE) -> tuple[str, bytes]:
    """Put an image of random bytes into the store and record it. Returns its code and its content."""
    content = os.urandom(size)
    digest, code = hashlib.sha256(content).hexdigest(), site.new_code()
    put(store, "renditions/" + key_of(digest), content)
    site.execute("INSERT INTO images (code, owner) VALUES (%s, 'joe')", code)
    site.execute(
        "INSERT INTO renditions (code, name, content_type, size, width, height, digest)"
        " VALUES (%s, 'original', 'image/png', %s, 1, 1, %s)",
        *(code, len(content), digest),
    )
    return code, content


def unavailable(answer: requests.Response) -> bool:
    """Tell whether an answer is the one for a store that is away."""
    told = (answer.headers.get("Retry-After"), answer.headers.get("Cache-Control"))
    return answer.status_code == 503 and told == ("2", "no-store") and b"store" in answer.content


def test_an_imported_image_is_served_with_all_renditions_and_none_lies_on_this_machine(
    site: OriginSite, store: ObjectStoreServer
) -> None:
    code = site.new_image()
    original = (next(site.directory.rglob(f"{code}.png"))).read_bytes()
    answer = site.request(code)
    assert (answer.status_code, answer.content) == (200, original)
    assert answer.headers["Content-Length"] == str(len(original))
    assert obstore.get(store.client(), object_of(site, code)).bytes() == original
    assert site.request(f"{code}/thumb").status_code == 200
    assert not list(site.origin.files.iterdir())


def test_ranges_conditions_and_heads_are_answered_as_from_a_directory(site: OriginSite, image: str) -> None:
    whole = site.request(image)
    for spec in ("0-0", "5-9", "100-", "-7"):
        part = site.request(image, range=f"bytes={spec}")
        first, _, last = part.headers["Content-Range"].removeprefix("bytes ").partition("/")[0].partition("-")
        assert (part.status_code, part.content) == (206, whole.content[int(first) : int(last) + 1])
    assert site.request(image, range=f"bytes={len(whole.content)}-").status_code == 416
    assert site.request(image, if_none_match=whole.headers["ETag"]).status_code == 304
    head = site.request(image, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.content))


def test_a_large_image_comes_in_parts_and_whole(site: OriginSite, store: ObjectStoreServer) -> None:
    code, content = new_large(site, store)
    assert site.request(code).content == content
    part = site.request(code, range=f"bytes=1000-{LARGE - 5}")
    assert (part.status_code, part.content) == (206, content[1000 : LARGE - 4])


def test_a_lost_object_is_500(site: OriginSite, store: ObjectStoreServer) -> None:
    code = site.new_image()
    content, name = site.request(code).content, object_of(site, code)
    obstore.delete(store.client(), name)
    for answer in (site.request(code), site.request(code, "HEAD"), site.request(code, range="bytes=0-9")):
        assert answer.status_code == 500
        assert answer.headers["Cache-Control"] == "no-store"
    assert f"/images/{code}: the store has no object" in site.origin.log_text()
    put(store, name, content)
    assert site.request(code).content == content


@pytest.mark.parametrize("length", [0, 50, 10**5], ids=["empty", "short", "long"])
def test_an_object_of_another_size_is_500(site: OriginSite, store: ObjectStoreServer, length: int) -> None:
    code = site.new_image()
    content, name = site.request(code).content, object_of(site, code)
    put(store, name, (content * 10)[:length])
    for spec in ({}, {"range": "bytes=0-9"}, {"range": "bytes=100-200"}, {"range": "bytes=-5"}):
        answer = site.request(code, **spec)
        assert answer.status_code == 500, spec
        assert content[:20] not in answer.content
    put(store, name, content)
    assert site.request(code).content == content


def test_an_object_that_changes_while_it_is_sent_breaks_the_answer_off(
    site: OriginSite, store: ObjectStoreServer
) -> None:
    code, content = new_large(site, store, 40 << 20)
    other = os.urandom(len(content))  # made before: the origin breaks off, too, when nobody reads for 10 s
    with requests.get(f"{site.origin.url}/images/{code}", timeout=PATIENCE, stream=True) as answer:
        assert answer.status_code == 200
        answer.raw.read(1000)
        put(store, "renditions/" + key_of(hashlib.sha256(content).hexdigest()), other)
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            list(answer.iter_content(1 << 20))
    wait_until(lambda: "changed while it was being sent" in site.origin.log_text(), "the reason in the log")


def test_a_store_that_dies_is_503_and_comes_back(site: OriginSite, store: ObjectStoreServer, image: str) -> None:
    before = site.request(image)
    start = len(site.origin.log_text())
    with away(store):
        for _ in range(5):
            assert unavailable(site.request(image))
        assert site.request(image, "HEAD").status_code == 503
        assert site.request(image, if_none_match=before.headers["ETag"]).status_code == 304, "which needs no bytes"
        assert site.request("no-such-image").status_code == 404
    lines = [line for line in site.origin.log_text()[start:].splitlines() if "unavailable" in line]
    assert len(lines) == 1, "one line, and not one a request"
    assert store.url in lines[0]
    wait_until(lambda: site.request(image).status_code == 200, "the image again")
    assert site.request(image).content == before.content


def test_a_store_that_dies_in_the_middle_breaks_the_answer_off(site: OriginSite, store: ObjectStoreServer) -> None:
    code, content = new_large(site, store, 60 << 20)
    received = bytearray()

    def read_on() -> None:
        for piece in answer.iter_content(1 << 20):
            received.extend(piece)

    with requests.get(f"{site.origin.url}/images/{code}", timeout=PATIENCE, stream=True) as answer:
        assert answer.status_code == 200
        received.extend(answer.raw.read(1000))
        with away(store), pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            read_on()
    assert len(received) < len(content)
    assert content.startswith(bytes(received))
    assert "the response was broken off" in site.origin.log_text()


def test_a_frozen_store_is_503_in_time_also_for_those_who_queue(
    site: OriginSite, store: ObjectStoreServer, image: str
) -> None:
    def ask(_: int) -> tuple[requests.Response, float]:
        started = time.monotonic()
        return site.request_once(image), time.monotonic() - started

    with frozen(store), ThreadPoolExecutor(24) as pool:  # there are 4 threads
        answers = list(pool.map(ask, range(24)))
    assert all(answer.status_code == 503 for answer, _ in answers)
    assert max(seconds for _, seconds in answers) < G9_SECONDS
    assert all(answer.headers["Cache-Control"] == "no-store" for answer, _ in answers)
    wait_until(lambda: site.request(image).status_code == 200, "the image again")


def test_a_frozen_store_keeps_no_thread_from_answers_that_need_no_bytes(
    site: OriginSite, store: ObjectStoreServer, image: str
) -> None:
    ended = threading.Event()

    def keep_asking(_: int) -> None:
        while not ended.is_set():
            site.request_once(image)

    with frozen(store), ThreadPoolExecutor(8) as pool:  # there are 4 threads
        assert site.request(image).status_code == 503
        asking = [pool.submit(keep_asking, number) for number in range(8)]

        def answered() -> bool:
            """Tell whether nearly all of 60 are answered.

            A busy machine may keep one waiting, and a database that is held up for a second many. Without the pause
            all that arrive within each two seconds would be 503.
            """
            return [site.request_once("no-such-image").status_code for _ in range(60)].count(404) > 50

        try:
            wait_until(answered, "answers that need no bytes")
        finally:
            ended.set()
        for each in asking:
            each.result()
    wait_until(lambda: site.request(image).status_code == 200, "the image again")


def test_wrong_credentials_are_503_and_no_secret_reaches_the_log(
    site: OriginSite, store: ObjectStoreServer, image: str
) -> None:
    settings = site.directory / "wrong"
    settings.write_text(store.settings_text(secret_access_key="not-the-secret"))
    settings.chmod(0o600)
    with site.another_origin(
        "refused", ORIGIN_STORE=store.url, ORIGIN_STORE_SETTINGS=str(settings), ORIGIN_WORKERS="1"
    ) as origin:
        answer = requests.get(f"{origin.url}/images/{image}", timeout=PATIENCE)
        assert answer.status_code == 503
        assert "SignatureDoesNotMatch" in origin.log_text()
        assert "not-the-secret" not in origin.log_text()


def test_credentials_may_come_from_the_environment(site: OriginSite, store: ObjectStoreServer, image: str) -> None:
    values = dict(line.split("=", 1) for line in store.settings_text().splitlines())
    environment = {f"AWS_{name.upper()}": value for name, value in values.items()}
    with site.another_origin("environment", ORIGIN_STORE=store.url, ORIGIN_WORKERS="1", **environment) as origin:
        assert requests.get(f"{origin.url}/images/{image}", timeout=PATIENCE).content == site.request(image).content


def test_two_origins_share_a_store(site: OriginSite, store: ObjectStoreServer) -> None:
    with site.another_origin("second", ORIGIN_WORKERS="2", **store.origin_options()) as second:
        code = site.new_image()
        for name in (code, f"{code}/thumb"):
            one, other = site.request(name), requests.get(f"{second.url}/images/{name}", timeout=PATIENCE)
            assert one.status_code == 200
            assert (one.content, one.headers["ETag"]) == (other.content, other.headers["ETag"])


def test_an_import_into_a_store_that_is_away_fails_and_records_nothing(
    site: OriginSite, store: ObjectStoreServer, tmp_path: Path
) -> None:
    code = site.new_code()
    (tmp_path / f"{code}.png").write_bytes(next(site.directory.rglob("code-*.png")).read_bytes())
    with away(store):
        result = site.run_import(tmp_path)
    assert result.returncode == 1
    assert store.url in result.stderr
    assert "Traceback" not in result.stderr
    assert site.request(code).status_code == 404
    assert site.run_import(tmp_path).returncode == 0


def test_a_site_s_own_bucket_is_served_in_place(site: OriginSite, store: ObjectStoreServer) -> None:
    content, code, path = os.urandom(500), site.new_code(), "été 1/a+b #50%?&.png"
    put(store, f"own/{path}", content)
    site.execute("INSERT INTO images (code, owner) VALUES (%s, 'joe')", code)
    site.execute(
        "INSERT INTO renditions (code, name, content_type, size, width, height, digest, path)"
        " VALUES (%s, 'original', 'image/png', %s, 1, 1, %s, %s)",
        *(code, len(content), hashlib.sha256(content).hexdigest(), path),
    )
    options = {"ORIGIN_IN_PLACE": "s3://images/own", "ORIGIN_IN_PLACE_SETTINGS": str(store.settings)}
    with site.another_origin("in-place", ORIGIN_WORKERS="1", **options) as origin:
        answer = requests.get(f"{origin.url}/images/{code}", timeout=PATIENCE)
        assert (answer.status_code, answer.content) == (200, content)

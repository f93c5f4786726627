"""Test the origin's HTTP contract over a real database, as a cache or a browser sees it."""

import contextlib
import hashlib
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
import requests

from stack.processes.commands import command
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.sites.origin_site import OriginSite, begin_answer, lookup_in_time


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginSite]:
    with OriginSite(tmp_path_factory.mktemp("origin")) as running:
        yield running


@pytest.fixture(scope="module")
def image(site: OriginSite) -> str:
    """Import an image that no test changes."""
    return site.new_image()


def test_an_image_and_its_thumbnail_are_served_with_validators(site: OriginSite, image: str) -> None:
    for path in (image, f"{image}/thumb"):
        answer = site.request(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["Content-Length"] == str(len(answer.content))
        assert answer.headers["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
        assert answer.headers["Cache-Control"] == "public, no-cache"
        assert answer.headers["CDN-Cache-Control"] == "max-age=86400"
        assert answer.headers["Takedown-Owner"] == "joe"
        assert parsedate_to_datetime(answer.headers["Last-Modified"]) <= datetime.now(UTC)


def test_head_has_the_headers_of_get_and_no_body(site: OriginSite, image: str) -> None:
    got, head = site.request(image), site.request(image, "HEAD")
    assert head.status_code == 200
    assert head.content == b""
    for answer in (got, head):
        del answer.headers["Date"]
    assert head.headers == got.headers


def test_conditional_requests(site: OriginSite, image: str) -> None:
    headers = site.request(image).headers
    etag, date = headers["ETag"], headers["Last-Modified"]
    earlier = format_datetime(parsedate_to_datetime(date) - timedelta(seconds=1), usegmt=True)
    for value in (etag, f"W/{etag}", "*", f'"x", W/"y", {etag}'):
        answer = site.request(image, if_none_match=value)
        assert (answer.status_code, answer.content) == (304, b""), value
        assert answer.headers["Last-Modified"] == date
        assert answer.headers["ETag"] == etag
    assert site.request(image, if_modified_since=date).status_code == 304
    assert site.request(image, if_modified_since=earlier).status_code == 200
    assert site.request(image, if_none_match='"x"', if_modified_since=date).status_code == 200
    assert site.request(image, if_none_match=etag, if_modified_since=earlier).status_code == 304


def test_ranges(site: OriginSite, image: str) -> None:
    whole = site.request(image)
    size = len(whole.content)
    part = site.request(image, range="bytes=100-199")
    assert part.status_code == 206
    assert part.content == whole.content[100:200]
    assert part.headers["Content-Range"] == f"bytes 100-199/{size}"
    assert site.request(image, range="bytes=-7").content == whole.content[-7:]
    outside = site.request(image, range=f"bytes={size}-")
    assert outside.status_code == 416
    assert outside.headers["Content-Range"] == f"bytes */{size}"
    for ignored in ("bytes=0-1,3-4", "items=0-1", "bytes=x"):
        assert site.request(image, range=ignored).content == whole.content
    assert site.request(image, range="bytes=0-1", if_range=whole.headers["ETag"]).status_code == 206
    assert site.request(image, range="bytes=0-1", if_range='"x"').status_code == 200
    assert site.request(image, "HEAD", range="bytes=0-1").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("nobody", "", "a.b", "x" * 65, "{}/original", "{}/large", "{}/", "{}/thumb/", "{}/Thumb"),
        *("{}%0A", "{}/thumb%0A", "{}%FF"),
    ],
)
def test_what_is_not_there_is_404_for_a_short_time(site: OriginSite, image: str, path: str) -> None:
    answer = site.request(path.format(image))
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["CDN-Cache-Control"] == "max-age=60"


def test_query_strings_play_no_part(site: OriginSite, image: str) -> None:
    assert site.request(f"{image}?width=1&x").content == site.request(image).content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PURGE"])
def test_other_methods_are_405(site: OriginSite, image: str, method: str) -> None:
    answer = site.request(image, method)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "body",
    [
        "Transfer-Encoding: chunked\r\n\r\n1f\r\nGET /images/nobody HTTP/1.1\r\n\r\n\r\n0\r\n\r\n",
        "Content-Length: 31\r\n\r\nGET /images/nobody HTTP/1.1\r\n\r\n",
    ],
)
def test_a_body_is_never_taken_for_the_next_request(site: OriginSite, image: str, body: str) -> None:
    def exchanged() -> bytes | None:
        with socket.create_connection(("127.0.0.1", site.origin.port), timeout=PATIENCE) as client:
            client.sendall(f"HEAD /images/{image} HTTP/1.1\r\nHost: x\r\n{body}".encode())
            client.shutdown(socket.SHUT_WR)
            received = b""
            with contextlib.suppress(
                ConnectionResetError
            ):  # the origin may reset the connection for bytes that it did not read
                while chunk := client.recv(65536):
                    received += chunk
        return None if received.startswith(b"HTTP/1.1 503 ") else received

    received = wait_until(exchanged, "a lookup in time")
    assert received.count(b"HTTP/1.1 ") == received.count(b"HTTP/1.1 200 OK") == 1


def test_a_header_with_underscores_is_not_the_one_with_dashes(site: OriginSite, image: str) -> None:
    headers = {"If_None_Match": "*", "If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    url = f"{site.origin.url}/images/{image}"
    answer = wait_until(
        lambda: lookup_in_time(requests.get(url, headers=headers, timeout=PATIENCE)), "a lookup in time"
    )
    assert answer.status_code == 200


def test_a_large_body_is_refused(site: OriginSite, image: str) -> None:
    with socket.create_connection(("127.0.0.1", site.origin.port), timeout=PATIENCE) as client:
        client.sendall(f"POST /images/{image} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_change_takes_the_date_away_until_it_is_numbered_and_then_gives_a_newer_one(site: OriginSite) -> None:
    code = site.new_image(dated=False)
    pending = site.request(code)
    assert "Last-Modified" not in pending.headers
    assert pending.headers["CDN-Cache-Control"] == "max-age=2"
    assert site.request(code, if_modified_since=format_datetime(datetime.now(UTC), usegmt=True)).status_code == 200
    assert site.request(code, if_none_match=pending.headers["ETag"]).status_code == 304

    site.number()
    before = site.wait_dated(code)
    site.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)
    assert site.request(code).status_code == 410
    site.execute("UPDATE bans SET lifted_at = '2000-01-01' WHERE subject = %s", code)
    assert "Last-Modified" not in site.request(code).headers
    site.number()
    after = site.wait_dated(code)
    assert after.content == before.content
    assert after.headers["ETag"] == before.headers["ETag"]
    dates = [parsedate_to_datetime(answer.headers["Last-Modified"]) for answer in (before, after)]
    assert dates[0] < dates[1]
    assert site.request(code, if_modified_since=before.headers["Last-Modified"]).status_code == 200


def test_the_date_is_that_of_the_number_rounded_up(site: OriginSite) -> None:
    code = site.new_image()
    site.execute("UPDATE changes SET changed_at = '2025-03-04 05:06:07.000001' WHERE subject = %s", code)
    assert site.request(code).headers["Last-Modified"] == "Tue, 04 Mar 2025 05:06:08 GMT"
    site.execute("UPDATE changes SET changed_at = '2025-03-04 05:06:07' WHERE subject = %s", code)
    assert site.request(code).headers["Last-Modified"] == "Tue, 04 Mar 2025 05:06:07 GMT"
    site.execute("INSERT INTO changes (scope, subject, changed_at) VALUES ('owner', 'dated', '2025-03-05 00:00:00')")
    site.execute("UPDATE images SET owner = 'dated' WHERE code = %s", code)
    site.execute("UPDATE invalidations SET batch = 1 WHERE subject = %s", code)
    assert site.request(code).headers["Last-Modified"] == "Wed, 05 Mar 2025 00:00:00 GMT"


@pytest.mark.parametrize("scope", ["image", "owner"])
def test_a_ban_answers_every_name_of_the_image_and_lifting_all_of_them_ends_it(site: OriginSite, scope: str) -> None:
    owner = f"owner-{scope}"
    code, other = site.new_image(owner=owner), site.new_image(owner=f"{owner}-2")
    etag = site.request(code).headers["ETag"]
    subject = code if scope == "image" else owner
    for _ in range(2):
        site.execute("INSERT INTO bans (scope, subject) VALUES (%s, %s)", scope, subject)
    for name in (code, f"{code}/thumb", f"{code}/any-other_name9"):
        for conditions in ({}, {"if_none_match": etag}, {"if_none_match": "*"}, {"range": "bytes=0-0"}):
            answer = site.request(name, **conditions)
            assert answer.status_code == 410
            assert answer.headers["Content-Type"] == "image/svg+xml"
            assert answer.headers["Cache-Control"] == "public, no-cache"
            assert answer.headers["CDN-Cache-Control"] == "max-age=86400"
            assert not {"ETag", "Last-Modified"} & answer.headers.keys()
    assert site.request(other).status_code == 200

    site.execute(
        "UPDATE bans SET lifted_at = UTC_TIMESTAMP() WHERE scope = %s AND subject = %s LIMIT 1", scope, subject
    )
    assert site.request(code).status_code == 410, "one of two bans still stands"
    site.execute("UPDATE bans SET lifted_at = '2099-01-01' WHERE scope = %s AND subject = %s", scope, subject)
    lifted = site.request(code)
    assert lifted.headers["ETag"] == etag
    assert "Last-Modified" not in lifted.headers, "the changes wait for their numbers"
    site.number()
    site.wait_dated(code)


def test_a_code_can_be_banned_before_it_has_an_image(site: OriginSite) -> None:
    code = site.new_code()
    site.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)
    answer = site.request(f"{code}/thumb")
    assert answer.status_code == 410
    assert "Takedown-Owner" not in answer.headers


def test_an_image_whose_row_is_deleted_is_gone_with_its_renditions(site: OriginSite) -> None:
    code = site.new_image()
    site.execute("DELETE FROM images WHERE code = %s", code)
    assert site.request(code).status_code == 404
    assert site.request(f"{code}/thumb").status_code == 404


def test_a_stable_image_may_be_kept_until_its_date(site: OriginSite) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    code = site.new_image(stable_until=tomorrow.isoformat())
    answer = site.request(code)
    assert answer.headers["Cache-Control"] == "public, must-revalidate"
    assert parsedate_to_datetime(answer.headers["Expires"]) == tomorrow
    site.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)
    banned = site.request(code)
    assert banned.headers["Cache-Control"] == "public, no-cache"
    assert "Expires" not in banned.headers


def test_a_damaged_file_is_an_error_with_one_line_in_the_log(site: OriginSite) -> None:
    code = site.new_image()
    file = site.file_of(code)
    content = file.read_bytes()
    for damage in (content[:-1], content + b"x", None):
        file.unlink()
        if damage is not None:
            file.write_bytes(damage)
        start = len(site.origin.log_text())
        for method in ("GET", "HEAD"):
            answer = site.request(code, method)
            assert answer.status_code == 500
            assert answer.headers["Cache-Control"] == "no-store"
            assert "CDN-Cache-Control" not in answer.headers
        lines = site.complaints(start)
        assert len(lines) == 2
        assert all(f"/images/{code}: " in line for line in lines)
    file.write_bytes(content)
    assert site.request(code).content == content


def test_a_malformed_row_is_500_and_no_header_or_path_is_made_of_it(tmp_path: Path) -> None:
    """Insert malformed rows, as an account with INSERT may have before a schema refused them."""
    with OriginSite(tmp_path, ORIGIN_WORKERS="1") as site:
        code = site.new_image()
        secret = tmp_path / "secret"
        secret.write_bytes(b"secret!")
        _drop_checks(site)
        climb = "../" * 12 + str(secret).lstrip("/")
        rows = [
            ("renditions", "digest", climb),
            ("renditions", "digest", "a" * 63 + "\n"),
            ("renditions", "content_type", "text/html"),
            ("renditions", "content_type", "image/png\r\nSet-Cookie: a=b"),
            ("images", "owner", "joe\r\nX-Injected: yes"),
        ]
        for table, column, value in rows:
            with site.admin.cursor() as cursor:
                cursor.execute(f"SELECT {column} FROM {table} WHERE code = %s LIMIT 1", (code,))
                good = next(iter(cast(tuple[Any, ...], cursor.fetchone())))
            start = len(site.origin.log_text())
            site.execute(f"UPDATE {table} SET {column} = %s WHERE code = %s", value, code)
            answer = site.request(code)
            assert answer.status_code == 500
            assert answer.headers["Cache-Control"] == "no-store"
            assert not {"Set-Cookie", "X-Injected", "Takedown-Owner", "ETag"} & answer.headers.keys()
            assert b"secret!" not in answer.content
            (line,) = site.complaints(start)
            assert f"image {code}: column {table}.{column} holds " in line
            site.execute(f"UPDATE {table} SET {column} = %s WHERE code = %s", good, code)


def test_a_pipe_in_the_store_holds_no_thread(site: OriginSite) -> None:
    code, other = site.new_image(), site.new_image()
    file = site.file_of(code)
    content = file.read_bytes()
    file.unlink()
    os.mkfifo(file)
    for _ in range(30):  # more than there are threads
        assert site.request(code).status_code == 500
    assert site.request(other).status_code == 200
    file.unlink()
    file.write_bytes(content)


def _drop_checks(site: OriginSite) -> None:
    """Drop the CHECK constraints of images and renditions, and the triggers that refuse rows."""
    queries = {
        "DROP TRIGGER {1}": "SELECT event_object_table, trigger_name FROM information_schema.triggers"
        " WHERE trigger_schema = DATABASE() AND event_object_table IN ('images', 'renditions')",
        "ALTER TABLE {0} DROP CONSTRAINT {1}": "SELECT table_name, constraint_name"
        " FROM information_schema.table_constraints WHERE constraint_schema = DATABASE()"
        " AND constraint_type = 'CHECK' AND table_name IN ('images', 'renditions')",
    }
    for statement, query in queries.items():
        with site.admin.cursor() as cursor:
            cursor.execute(query)
            rows = cast(list[tuple[str, str]], cursor.fetchall())
        for row in rows:
            site.execute(statement.format(*row))


def test_a_file_that_ends_early_breaks_the_connection(site: OriginSite) -> None:
    """Truncate a file while it is sent: the client sees that the announced length is not reached."""
    code = site.new_image()
    size = 64 * 1024 * 1024
    file = site.file_of(code)
    with file.open("wb") as sparse:
        sparse.truncate(size)
    site.execute("UPDATE renditions SET size = %s WHERE code = %s AND name = 'original'", size, code)
    client, first = begin_answer(site.origin, code)
    with client:
        received = len(first)
        with file.open("r+b") as shrinking:
            shrinking.truncate(size // 2)
        while chunk := client.recv(1 << 20):
            received += len(chunk)
    assert size // 4 < received < size
    wait_until(lambda: "broken off" in site.origin.log_text(), "a line in the log")
    line = next(line for line in site.origin.log_text().splitlines() if "broken off" in line)
    assert f"/images/{code}: " in line
    assert "Traceback" not in site.origin.log_text()


def test_with_status_200_the_special_image_is_cached_as_any_other(site: OriginSite, tmp_path: Path) -> None:
    special = tmp_path / "special.png"
    banned, allowed = site.new_image(), site.new_image()
    special.write_bytes(site.file_of(allowed).read_bytes())
    site.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", banned)
    options = {"ORIGIN_BANNED_STATUS": "200", "ORIGIN_SPECIAL_IMAGE": str(special)}
    with site.another_origin("status-200", **options) as origin:
        site_200 = OriginSite(site.directory)
        site_200.origin = origin
        pending = site_200.request(banned)
        assert pending.status_code == 200
        assert pending.content == special.read_bytes()
        assert "Last-Modified" not in pending.headers
        assert pending.headers["CDN-Cache-Control"] == "max-age=2"
        site.number()
        dated = site_200.wait_dated(banned)
        assert dated.headers["CDN-Cache-Control"] == "max-age=86400"
        assert dated.headers["ETag"] == f'"{hashlib.sha256(special.read_bytes()).hexdigest()}"'
        assert site_200.request(banned, if_none_match=dated.headers["ETag"]).status_code == 304
        assert site_200.request(banned, if_modified_since=dated.headers["Last-Modified"]).status_code == 304
        assert site_200.request(banned, range="bytes=0-9").content == special.read_bytes()[:10]


def test_serving_makes_no_stat_but_of_the_open_file(site: OriginSite, image: str) -> None:
    """Trace system calls: after the first request, which loads modules, no path is checked."""
    origin = site.another_origin("traced", ORIGIN_WORKERS="1", ORIGIN_THREADS="1")
    trace = site.directory / "trace"
    traced = ["strace", "-f", "-qq", "-e", "trace=%stat,%fstat,openat", "-o", str(trace), command("origin"), "serve"]
    with subprocess.Popen(traced, env=origin.envvars, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"{origin.url}/images/{image}"
            wait_until(lambda: _answers(url), "the first answer")
            digest = site.digest_of(image)
            assert requests.get(url, timeout=PATIENCE).ok
            looks = 2
            wait_until(lambda: trace.read_text().count(digest) == looks, "the first looks at the file")
            before = trace.read_text()
            assert "stat" in before, "the trace shows the calls that are looked for"
            for method, conditions in (("GET", {}), ("HEAD", {}), ("GET", {"Range": "bytes=5-"})):
                assert requests.request(method, url, headers=conditions, timeout=PATIENCE).ok
            wait_until(lambda: trace.read_text().count(digest) == looks + 3, "three more looks at the file")
            stats = [line for line in trace.read_text()[len(before) :].splitlines() if "stat" in line]
            # The C library calls fstat either by its own name or as newfstatat of no path.
            assert all(re.search(r'\bfstat\(\d|\bnewfstatat\(\d+, ""', line) for line in stats), stats
            assert len(stats) == 3
        finally:
            for child in psutil.Process(process.pid).children():  # strace itself takes no signal
                child.terminate()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=PATIENCE).ok
    except requests.ConnectionError:
        return False

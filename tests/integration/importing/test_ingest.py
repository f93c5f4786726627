"""Upload pictures to ``origin ingest``, on a real database and a real store."""

import contextlib
import hashlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import mysql.connector
import psutil
import pytest
import requests
from mysql.connector import errorcode
from PIL import Image

from stack.ingest import Ingest
from stack.processes.commands import command
from stack.processes.server import frozen
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.images.images_with_metadata import EVERYTHING, SECRET
from tests.support.sites.upload_site import UploadSite


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UploadSite]:
    with UploadSite(tmp_path_factory.mktemp("ingest"), ORIGIN_INGEST_MAX_BYTES="3000000") as running:
        yield running


def picture(colour: int = 60, format_: str = "PNG", size: tuple[int, int] = (400, 300)) -> bytes:
    file = BytesIO()
    Image.effect_noise(size, colour).save(file, format_)
    return file.getvalue()


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_an_upload_is_served_with_its_renditions_once_it_is_answered(site: UploadSite) -> None:
    content = picture()
    answer = site.put("first-1", content)
    assert answer.status_code == 201
    assert answer.json() == {"code": "first-1", "digest": digest_of(content), "changed": True, "bans": []}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    served = site.site.request("first-1")
    assert served.content == content
    assert served.headers["Takedown-Owner"] == "ann"
    assert Image.open(BytesIO(site.site.request("first-1/thumb").content)).size == (256, 192)


def test_the_same_upload_again_changes_nothing(site: UploadSite) -> None:
    content = picture(61)
    site.put("same-1", content)
    rows, files = site.outbox(), sorted(site.files())
    again = site.put("same-1", content)
    assert (again.status_code, again.json()["changed"]) == (200, False)
    assert again.json()["digest"] == digest_of(content)
    assert site.outbox() == rows, "what is unchanged purges nothing"
    assert sorted(site.files()) == files


def test_another_picture_replaces_the_image_and_purges_it(site: UploadSite) -> None:
    old, new = picture(62), picture(63)
    site.put("replaced-1", old)
    rows = site.outbox()
    answer = site.put("replaced-1", new)
    assert (answer.status_code, answer.json()["changed"]) == (200, True)
    assert site.site.request("replaced-1").content == new
    assert site.outbox() > rows


def test_a_replaced_image_shows_nothing_of_content_that_is_banned(site: UploadSite, tmp_path: Path) -> None:
    """Not even a rendition that this listener does not make: another one made it of the former original."""
    content = picture(67)
    table = tmp_path / "renditions.toml"
    table.write_text("[thumb]\nwidth = 256\nheight = 256\n[large]\nwidth = 300\nheight = 300\n")
    with site.listener("other-table", ORIGIN_RENDITIONS=str(table)) as other:
        headers = {"Authorization": f"Bearer {other.token}", "Takedown-Owner": "ann"}
        url = f"{other.url}/images/former-2"
        assert requests.put(url, data=content, headers=headers, timeout=PATIENCE).status_code == 201
    assert site.site.request("former-2/large").status_code == 200
    site.ban("digest", digest_of(content))
    assert site.site.request("former-2/large").status_code == 410
    assert site.put("former-2", picture(68)).status_code == 200
    assert site.site.request("former-2/thumb").status_code == 200
    assert site.site.request("former-2/large").status_code == 404


def test_metadata_is_taken_out(site: UploadSite) -> None:
    told = EVERYTHING["JPEG"](6)
    assert SECRET in told
    answer = site.put("stripped-1", told)
    served = site.site.request("stripped-1").content
    assert SECRET not in served
    assert answer.json()["digest"] == digest_of(served) != digest_of(told)


def test_an_image_of_another_owner_is_a_conflict_unless_the_request_moves_it(site: UploadSite) -> None:
    content, other = picture(64), picture(65)
    site.put("owned-1", content, "ann")
    refused = site.put("owned-1", other, "bob")
    assert refused.status_code == 409
    assert "ann" not in refused.text
    assert site.site.request("owned-1").content == content
    assert site.put("owned-1", other, "bob", {"Takedown-Move": "1"}).status_code == 200
    assert site.site.request("owned-1").headers["Takedown-Owner"] == "bob"
    assert site.site.request("owned-1").content == other


def test_a_date_declares_an_image_stable_and_none_ends_it(site: UploadSite) -> None:
    content = picture(66)
    site.put("stable-1", content, headers={"Takedown-Stable-Until": "2040-01-01T00:00:00Z"})
    assert site.site.request("stable-1").headers["Expires"] == "Sun, 01 Jan 2040 00:00:00 GMT"
    assert site.put("stable-1", content).json()["changed"] is False, "what is not said stays as it is"
    assert site.put("stable-1", content, headers={"Takedown-Stable-Until": "none"}).json()["changed"] is True
    assert "Expires" not in site.site.request("stable-1").headers


@pytest.mark.parametrize("scope", ["digest", "image", "owner"])
def test_a_banned_upload_is_refused_by_the_bans_id_and_nothing_of_it_is_stored(site: UploadSite, scope: str) -> None:
    content = picture(70 + len(scope))
    code, owner = f"banned-{scope}", f"owner-of-{scope}"
    ban = site.ban(scope, {"digest": digest_of(content), "image": code, "owner": owner}[scope])
    rows, files = site.outbox(), sorted(site.files())
    answer = site.put(code, content, owner)
    assert answer.status_code == 451
    assert answer.json()["bans"] == [ban]
    assert sorted(site.files()) == files
    assert site.outbox() == rows
    assert site.count("SELECT COUNT(*) FROM images WHERE code = %s", code) == 0

    site.site.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP() WHERE id = %s", ban)
    assert site.put(code, content, owner).status_code == 201


def test_banned_content_is_found_under_its_metadata(site: UploadSite) -> None:
    told = EVERYTHING["JPEG"](3)
    digest = site.put("told-1", told).json()["digest"]
    ban = site.ban("digest", digest)
    other = told + b"appended"
    assert digest_of(other) != digest
    refused = site.put("told-2", other)
    assert (refused.status_code, refused.json()["bans"], refused.json()["digest"]) == (451, [ban], digest)
    assert site.site.request("told-1").status_code == 410


def test_banned_content_that_a_list_imports_is_hidden(site: UploadSite, tmp_path: Path) -> None:
    content = picture(80)
    site.ban("digest", digest_of(content))
    assert site.put("listed-1", content).status_code == 451
    (tmp_path / "a.png").write_bytes(content)
    imported = subprocess.run(
        site.site.origin_command("import", "--from", "-", str(tmp_path), "--owner", "ann"),
        input="code,path\nlisted-1,a.png\n",
        env=site.site.import_environment(),
        text=True,
        check=True,
        capture_output=True,
    )
    assert imported.stdout.startswith("1 new")
    assert site.site.request("listed-1").status_code == 410
    assert site.site.request("listed-1/thumb").status_code == 410


def test_a_verdict_names_the_open_bans_of_a_content(site: UploadSite) -> None:
    content = picture(81)
    digest = digest_of(content)
    assert site.verdict(digest) == {"digest": digest, "banned": False, "bans": []}
    first, second = site.ban("digest", digest), site.ban("digest", digest)
    assert site.verdict(digest) == {"digest": digest, "banned": True, "bans": [first, second]}
    site.site.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP() WHERE id = %s", first)
    assert site.verdict(digest)["bans"] == [second]
    for malformed in (digest[:-1], digest.upper(), digest + "0"):
        headers = {"Authorization": f"Bearer {site.token}"}
        assert requests.get(f"{site.ingest.url}/verdict/{malformed}", headers=headers, timeout=60).status_code == 404


@pytest.mark.parametrize(
    ("content", "status", "fault"),
    [
        (b"no picture", 415, "not a JPEG, PNG, GIF, WebP or AVIF"),
        (b"", 415, "0 bytes"),
        (picture()[:2000], 422, "broken"),
        (picture(format_="JPEG")[:2000], 422, "broken"),
        (picture(size=(1, 1))[:60], 422, "cannot be taken"),
        (b"x" * 3_000_001, 413, "3000001 bytes, more than 3000000: a larger --max-bytes"),
    ],
)
def test_what_is_no_whole_picture_is_refused_with_the_reason(
    site: UploadSite, content: bytes, status: int, fault: str
) -> None:
    files = sorted(site.files())
    answer = site.put("broken-1", content)
    assert answer.status_code == status
    assert fault in answer.json()["error"]
    assert sorted(site.files()) == files
    assert site.count("SELECT COUNT(*) FROM images WHERE code = 'broken-1'") == 0


@pytest.mark.parametrize(
    ("code", "owner", "headers", "fault"),
    [
        ("a.b", "ann", {}, "The code in the path is not 1 to 64"),
        ("x" * 65, "ann", {}, "The code in the path"),
        ("a%0a", "ann", {}, "The code in the path"),
        ("good", None, {}, "Takedown-Owner is missing"),
        ("good", "an n", {}, "Takedown-Owner is missing, or not"),
        ("good", "ann", {"Takedown-Move": "0"}, "Takedown-Move can only be 1"),
        ("good", "ann", {"Takedown-Stable-Until": "soon"}, "Takedown-Stable-Until: 'soon' is no date"),
    ],
)
def test_a_malformed_head_is_400(
    site: UploadSite, code: str, owner: str | None, headers: dict[str, str], fault: str
) -> None:
    answer = site.put(code, picture(), owner, headers)
    assert answer.status_code == 400
    assert fault in answer.json()["error"]


def test_a_body_needs_its_length(site: UploadSite) -> None:
    answer = site.put("chunked-1", iter([picture()]))
    assert answer.status_code == 411


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "images/a", 405),
        ("POST", "images/a", 405),
        ("DELETE", "images/a", 405),
        ("put", "images/a", 405),
        ("HEAD", f"verdict/{'0' * 64}", 405),
        ("PUT", f"verdict/{'0' * 64}", 405),
        ("GET", "", 404),
        ("PUT", "images/a/thumb", 404),
        ("PUT", "images/", 404),
    ],
)
def test_other_requests_are_refused(site: UploadSite, method: str, path: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", site.ingest.port), PATIENCE) as connection:
        connection.sendall(
            f"{method} /{path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {site.token}\r\nContent-Length: 0\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert (status == 405) == ("\r\nAllow: " in answer)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer wrong", 403),
        ("Bearer", 403),
        ("Basic TOKEN", 403),
        ("Bearer TOKENx", 403),
        ("Bearer PART", 403),
        ("Bearer TOKEN TOKEN", 403),
        ("bearer TOKEN", 200),
    ],
)
def test_every_request_needs_the_token(site: UploadSite, authorization: str | None, status: int) -> None:
    """In each, TOKEN stands for the token of the listener, and PART for all of it but the last character."""
    given = (authorization or "").replace("TOKEN", site.token).replace("PART", site.token[:-1])
    headers = {"Authorization": given} if authorization else {}
    answer = site.ask_verdict("0" * 64, given if authorization else None)
    assert answer.status_code == status
    assert (status == 401) == ("WWW-Authenticate" in answer.headers)
    if status != 200:
        put = requests.put(f"{site.ingest.url}/images/x", data=picture(), headers=headers, timeout=PATIENCE)
        assert put.status_code == status
        assert site.count("SELECT COUNT(*) FROM images WHERE code = 'x'") == 0


def test_a_token_is_changed_without_a_restart_and_without_a_refused_request(site: UploadSite) -> None:
    def status(token: str) -> int:
        return site.ask_verdict("0" * 64, f"Bearer {token}").status_code

    old = site.token

    def exchange(text: str) -> None:
        new = site.ingest.token_file.with_name("new")
        new.touch(mode=0o600)
        new.write_text(text)
        new.replace(site.ingest.token_file)

    try:
        exchange(f"next-token\n{site.token}\n")
        assert (status(old), status("next-token")) == (200, 200)
        exchange("next-token\n")
        assert (status(old), status("next-token")) == (403, 200)
        exchange("not a token\n")
        assert status("next-token") == 200, "an unusable file changes nothing"
        assert "is not one or two lines of a token each" in site.ingest.log_text()
        assert "not a token" not in site.ingest.log_text()
    finally:
        exchange(f"{site.token}\n")
    assert (status(old), status("next-token")) == (200, 403)


def slow_upload(ingest: Ingest, code: str, length: int) -> socket.socket:
    """Send the head of an upload. The caller sends, or does not send, its body."""
    connection = socket.create_connection(("127.0.0.1", ingest.port), PATIENCE)
    connection.sendall(
        f"PUT /images/{code} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ingest.token}\r\nTakedown-Owner: ann\r\n"
        f"Content-Length: {length}\r\n\r\n".encode()
    )
    return connection


def test_what_the_head_refuses_is_answered_before_the_body_comes(site: UploadSite) -> None:
    site.ban("image", "early-1")
    content = picture(91)
    site.put("early-2", content, "bob")
    for code, length, status in (("early-1", 1000, 451), ("early-2", 1000, 409), ("early-3", 3_000_001, 413)):
        with slow_upload(site.ingest, code, length) as connection:
            assert connection.recv(65536).startswith(f"HTTP/1.1 {status} ".encode())


def test_heads_that_do_not_end_keep_no_upload_waiting(site: UploadSite) -> None:
    with site.listener("few", ORIGIN_INGEST_THREADS="2") as few, contextlib.ExitStack() as closing:
        for _ in range(40):
            client = closing.enter_context(socket.create_connection(("127.0.0.1", few.port), PATIENCE))
            client.sendall(b"PUT /images/endless HTTP/1.1\r\nHost: a\r\n")
        headers = {"Authorization": f"Bearer {few.token}", "Takedown-Owner": "ann"}
        began = time.monotonic()
        answer = requests.put(f"{few.url}/images/beside-1", data=picture(94), headers=headers, timeout=PATIENCE)
        assert answer.status_code == 201
        assert time.monotonic() - began < 9, "the default of --stall would have ended the others"


def test_a_body_that_drips_ends_after_its_time(site: UploadSite) -> None:
    content = picture(82)
    # One of its own: a busy machine may hold up any other upload for as long.
    with site.listener("hasty", ORIGIN_INGEST_BODY_TIME="3") as hasty:
        started = time.monotonic()
        with slow_upload(hasty, "drip-1", len(content)) as connection, contextlib.suppress(ConnectionError):
            connection.settimeout(0.2)
            answer = b""
            for byte in content:
                connection.sendall(bytes([byte]))
                with contextlib.suppress(TimeoutError):
                    answer = connection.recv(65536)
                    break
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert 2.5 < time.monotonic() - started < 30
    assert site.put("drip-1", content).status_code == 201


def test_a_body_that_breaks_off_leaves_nothing(site: UploadSite) -> None:
    content = picture(83)
    files = sorted(site.files())
    with slow_upload(site.ingest, "half-1", len(content)) as connection:
        connection.sendall(content[: len(content) // 2])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert sorted(site.files()) == files
    assert site.count("SELECT COUNT(*) FROM images WHERE code = 'half-1'") == 0


def test_a_connection_stays_open_for_further_uploads_and_ends_where_a_body_is_not_read(site: UploadSite) -> None:
    headers = {"Authorization": f"Bearer {site.token}", "Takedown-Owner": "ann"}
    with requests.Session() as session:
        for number in range(3):
            answer = session.put(
                f"{site.ingest.url}/images/kept-{number}", data=picture(90 + number), headers=headers, timeout=60
            )
            assert answer.status_code == 201
            assert "Connection" not in answer.headers
        refused = session.put(f"{site.ingest.url}/images/a.b", data=picture(), headers=headers, timeout=60)
        assert (refused.status_code, refused.headers["Connection"]) == (400, "close")


def sizes_of_unnamed_files(pid: int) -> list[int]:
    """Return the sizes of the files that a process has open and that have no name."""
    sizes = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed by now
            if str(link.readlink()).endswith(" (deleted)"):
                sizes.append(link.stat().st_size)
    return sizes


def test_large_uploads_are_bounded_in_memory(site: UploadSite) -> None:
    """Twelve uploads that have nearly arrived are in files, and not in the memory of the process."""
    # The first of them waits until the last one has come so far.
    options = {"ORIGIN_INGEST_THREADS": "16", "ORIGIN_INGEST_STALL": "60"}
    with site.listener("patient", **options) as ingest, contextlib.ExitStack() as closing:
        assert ingest.process is not None
        process = psutil.Process(ingest.process.pid)
        before = process.memory_info().rss
        for number in range(12):
            connection = closing.enter_context(slow_upload(ingest, f"large-{number}", 2_900_000))
            connection.sendall(bytes(2_800_000))
        wait_until(lambda: sum(sizes_of_unnamed_files(process.pid)) > 12 * 2_700_000, "the bodies are in files")
        assert process.memory_info().rss - before < 12 * 1_500_000


def test_a_new_image_is_seen_in_one_query(site: UploadSite) -> None:
    """The query that docs/guide/importing.md shows, and its index."""
    with site.site.admin.cursor() as cursor:
        cursor.execute("SHOW INDEX FROM images WHERE Column_name = 'imported_at' AND Seq_in_index = 1")
        assert len(cursor.fetchall()) == 1
        cursor.execute("SET @since = UTC_TIMESTAMP(3)")
        site.put("seen-1", picture(85))
        cursor.execute("SELECT code, owner FROM images WHERE imported_at > @since ORDER BY imported_at")
        assert cursor.fetchall() == [("seen-1", "ann")]


def test_parallel_uploads_of_one_code_end_with_one_of_them_whole(site: UploadSite) -> None:
    contents = [picture(100 + number) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        statuses = [*pool.map(lambda content: site.put("race-1", content).status_code, contents)]
    assert {*statuses} <= {200, 201}
    served = site.site.request("race-1").content
    assert served in contents
    with site.site.admin.cursor() as cursor:
        cursor.execute("SELECT digest FROM renditions WHERE code = 'race-1' AND name = 'thumb'")
        ((thumb,),) = cursor.fetchall()
    site.put("race-2", served)
    assert digest_of(site.site.request("race-2/thumb").content) == thumb, "the thumbnail is that of the same picture"


def test_while_the_database_is_away_uploads_are_503_and_nothing_is_stored(site: UploadSite) -> None:
    content = picture(86)
    files = sorted(site.files())
    with frozen(site.site.database):
        started = time.monotonic()
        answer = site.put_once("away-1", content)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert time.monotonic() - started < 30
    assert sorted(site.files()) == files
    assert site.put("away-1", content).status_code in (200, 201), "the database is used again"


def test_connections_that_the_database_has_closed_cost_no_upload(site: UploadSite) -> None:
    with site.site.admin.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE user = 'takedown_import'")
        connections = cursor.fetchall()
        assert connections
        for (number,) in connections:
            try:
                cursor.execute(f"KILL {int(str(number))}")
            except mysql.connector.Error as error:
                if error.errno != errorcode.ER_NO_SUCH_THREAD:  # it was ending
                    raise
    for number in range(20):
        assert site.put_once(f"killed-{number}", picture(92)).status_code == 201


def test_while_the_store_is_away_uploads_are_503_and_nothing_is_recorded(site: UploadSite) -> None:
    content = picture(87)
    store = site.site.origin.files
    store.rename(store.with_name("aside"))
    try:
        answer = site.put_once("no-store-1", content)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert site.count("SELECT COUNT(*) FROM images WHERE code = 'no-store-1'") == 0
    finally:
        store.with_name("aside").rename(store)
    assert site.put("no-store-1", content).status_code == 201


def test_a_file_that_the_store_has_lost_comes_back_with_the_same_upload(site: UploadSite) -> None:
    content = picture(88)
    site.put("lost-1", content)
    site.site.file_of("lost-1").unlink()
    assert site.site.request("lost-1").status_code == 500
    assert site.put("lost-1", content).status_code == 200
    assert site.site.request("lost-1").content == content


def test_old_temporary_files_are_removed_at_the_start_and_young_ones_stay(site: UploadSite) -> None:
    old, young = (site.site.origin.files / f".incoming-{age}" for age in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    long_ago = time.time() - 4000
    os.utime(old, (long_ago, long_ago))
    with site.listener("another"):
        assert (old.exists(), young.exists()) == (False, True)
    young.unlink()


def test_sigterm_lets_an_upload_finish(site: UploadSite) -> None:
    content = picture(89)
    with site.listener("another") as ingest:
        assert ingest.process is not None
        with socket.create_connection(("127.0.0.1", ingest.port), PATIENCE) as connection:
            connection.sendall(
                f"PUT /images/last-1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ingest.token}\r\n"
                f"Takedown-Owner: ann\r\nExpect: 100-continue\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            )
            assert connection.recv(65536).startswith(b"HTTP/1.1 100 "), "a thread has begun with it"
            ingest.process.send_signal(signal.SIGTERM)
            connection.sendall(content)
            assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")
        assert ingest.process.wait(PATIENCE) == 0
    assert site.site.request("last-1").content == content


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        ("two words\n", "is not one or two lines"),
        ("a\nb\nc\n", "is not one or two lines"),
        (None, "No"),
    ],
)
def test_without_a_usable_token_file_nothing_listens(
    site: UploadSite, tmp_path: Path, text: str | None, fault: str
) -> None:
    if text is not None:
        (tmp_path / "token").write_text(text)
    environment = {**site.ingest.envvars, "ORIGIN_INGEST_TOKEN_FILE": str(tmp_path / "token")}
    result = subprocess.run(
        [command("origin"), "ingest"], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 1
    assert fault in result.stderr
    assert not text or text.strip() not in result.stderr


def test_the_log_has_one_line_for_a_banned_upload_and_none_of_its_owner(site: UploadSite) -> None:
    content = picture(110)
    ban = site.ban("digest", digest_of(content))
    site.put("logged-1", content, "secret-owner")
    (line,) = re.findall(r".*logged-1.*", site.ingest.log_text())
    assert f"banned by {ban}" in line
    assert "secret-owner" not in site.ingest.log_text()
    assert site.token not in site.ingest.log_text()

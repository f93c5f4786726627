"""Destroy the bytes of banned images with ``origin erase``: all of them, no others, and on record."""

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mysql.connector
import pytest

from origin.stores.store import key_of
from stack.processes.commands import command, run_apart
from stack.processes.waiting import wait_until
from tests.support.images.stored_files import StoredSite, stored_site


@pytest.fixture(scope="module", params=["directory", "s3"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoredSite]:
    with stored_site(tmp_path_factory.mktemp("erase"), request.param) as running:
        yield running


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def ban(stored: StoredSite, content: bytes) -> None:
    stored.site.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", sha256(content))


def lift(stored: StoredSite, content: bytes) -> None:
    stored.site.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP() WHERE subject = %s", sha256(content))


def record(stored: StoredSite, content: bytes) -> list[tuple[Any, ...]]:
    """Return the rows of an original's erasures: action, digest of the file, its path."""
    with stored.site.admin.cursor() as cursor:
        cursor.execute("SELECT action, digest, path FROM erasures WHERE original = %s ORDER BY id", (sha256(content),))
        return [tuple(row) for row in cursor.fetchall()]


def erase(stored: StoredSite, *arguments: str, answers: str | None = None) -> "subprocess.CompletedProcess[str]":
    return stored.site.run_origin("erase", "erase", *arguments, answers=answers)


def begun(stored: StoredSite, *arguments: str, pipesize: int = -1) -> "subprocess.Popen[bytes]":
    """Begin an erasure, with a pipe for the answer to its question, and with pipes of ``pipesize`` bytes if given."""
    environment = {
        "ORIGIN_DATABASE_URL": stored.site.database.url("erase"),
        **{
            name: value
            for name, value in stored.site.origin.envvars.items()
            if name.startswith(("ORIGIN_S", "ORIGIN_I"))
        },
    }
    return subprocess.Popen(
        stored.site.origin_command("erase", *arguments),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pipesize=pipesize,
    )


def test_every_copy_and_rendition_goes_and_neighbours_stay(stored: StoredSite) -> None:
    content, thumb, other_thumb, neighbour = (os.urandom(3000) for _ in range(4))
    one = stored.add(("original", content, None), ("thumb", thumb, None))
    stored.add(("original", content, "a/copy 1.png"), ("thumb", other_thumb, None))
    stored.add(("original", content, "a/copy 2.png"), ("thumb", thumb, None))
    beside = stored.add(("original", neighbour, "a/other.png"), ("thumb", os.urandom(100), None))
    left = stored.add(("original", os.urandom(3000), None))
    before = {**stored.own.read(), **stored.tree.read()}
    ban(stored, content)
    result = erase(stored, one, "--yes")
    assert result.returncode == 0, result.stderr
    assert "5 files erased, 0 not" in result.stdout
    assert "3 images" in result.stderr
    everywhere = stored.everywhere()
    assert not [part for part in (content, thumb, other_thumb) if part in everywhere or part[100:200] in everywhere]
    after = {**stored.own.read(), **stored.tree.read()}
    assert set(before) - set(after) == {
        "a/copy 1.png",
        "a/copy 2.png",
        *(key_of(sha256(part)) for part in (content, thumb, other_thumb)),
    }
    assert stored.site.request(beside).content == neighbour
    assert stored.site.request(left).status_code == 200
    rows = record(stored, content)
    assert [rows[0][0], rows[-1][0]] == ["begin", "done"]
    assert {(digest, path) for action, digest, path in rows if action == "erased"} == {
        (sha256(content), "a/copy 1.png"),
        (sha256(content), "a/copy 2.png"),
        (sha256(content), None),
        (sha256(thumb), None),
        (sha256(other_thumb), None),
    }


def test_a_reduced_rendition_in_place_goes_with_its_original(stored: StoredSite) -> None:
    content, thumb = os.urandom(700), os.urandom(300)
    code = stored.add(("original", content, "b/cat.png"), ("thumb", thumb, "b/cat small.png"))
    ban(stored, content)
    result = erase(stored, code, "--yes")
    assert result.returncode == 0, result.stderr
    assert not [part for part in (content, thumb) if part in stored.everywhere()]
    assert ("erased", sha256(thumb), "b/cat small.png") in record(stored, content)


def test_what_no_ban_by_content_holds_is_refused(stored: StoredSite) -> None:
    content = os.urandom(500)
    code = stored.add(("original", content, None))
    stored.site.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s), ('owner', 'nobody')", code)
    for arguments, advice in (
        ((code, "--yes"), f"purger ban --same-as {code}"),
        (("--digest", sha256(content), "--yes"), f"purger ban --digest {sha256(content)}"),
    ):
        result = erase(stored, *arguments)
        assert result.returncode == 1
        assert advice in result.stderr
    ban(stored, content)
    lift(stored, content)
    assert erase(stored, code, "--yes").returncode == 1
    assert content in stored.everywhere()
    assert record(stored, content) == []
    assert erase(stored, "no-such-code", "--yes").returncode == 1
    assert erase(stored).returncode == 2
    assert erase(stored, code, "--digest", sha256(content)).returncode == 2
    assert erase(stored, "--digest", "abc").returncode == 2


def test_it_asks_and_takes_no_silence_for_a_yes(stored: StoredSite) -> None:
    content = os.urandom(500)
    code = stored.add(("original", content, "asked.png"))
    ban(stored, content)
    for answers in (None, "", "n\n", "\n"):
        assert erase(stored, code, answers=answers).returncode == 1
        assert content in stored.everywhere()
    assert record(stored, content) == []
    assert erase(stored, code, answers="y\n").returncode == 0
    assert content not in stored.everywhere()


def test_a_file_that_an_image_shares_which_is_not_banned_by_content_stays(stored: StoredSite) -> None:
    content, shared, other = (os.urandom(700) for _ in range(3))
    code = stored.add(("original", content, None), ("thumb", shared, None))
    beside = stored.add(("original", other, None), ("thumb", shared, None))
    ban(stored, content)
    result = erase(stored, code, "--yes")
    assert result.returncode == 3
    assert f"kept {sha256(shared)}: image {beside}" in result.stdout
    assert content not in stored.everywhere()
    assert stored.site.request(f"{beside}/thumb").content == shared
    assert ("kept", sha256(shared), None) in record(stored, content)
    ban(stored, other)
    assert erase(stored, code, "--yes").returncode == 0
    assert shared not in stored.everywhere()
    assert other in stored.everywhere(), "it is banned, and nobody asked to erase it"


def test_equal_bytes_of_a_neighbour_in_a_place_of_their_own_stay(stored: StoredSite) -> None:
    content, thumb = os.urandom(700), os.urandom(700)
    code = stored.add(("original", content, None), ("thumb", thumb, None))
    beside = stored.add(("original", os.urandom(700), None), ("thumb", thumb, "beside/thumb.png"))
    ban(stored, content)
    result = erase(stored, code, "--yes")
    assert result.returncode == 0, "nothing of it is kept"
    assert key_of(sha256(thumb)) not in stored.own.read()
    assert stored.site.request(f"{beside}/thumb").content == thumb


def test_a_file_that_came_to_be_shared_while_it_asked_stays(stored: StoredSite) -> None:
    content, shared = os.urandom(700), os.urandom(700)
    code = stored.add(("original", content, None), ("thumb", shared, None))
    ban(stored, content)
    with begun(stored, code) as process:
        assert process.stderr
        assert b"1 images" in process.stderr.readline()
        beside = stored.add(("original", os.urandom(700), None), ("thumb", shared, None))
        output, errors = process.communicate(b"y\n")
    assert process.returncode == 3, errors
    assert f"kept {sha256(shared)}: image {beside}" in output.decode()
    assert content not in stored.everywhere()
    assert stored.site.request(f"{beside}/thumb").content == shared


def test_a_file_in_place_that_the_site_has_replaced_stays(stored: StoredSite) -> None:
    content, same_size, longer = os.urandom(700), os.urandom(700), os.urandom(800)
    code = stored.add(("original", content, "replaced/same.png"))
    stored.add(("original", content, "replaced/longer.png"))
    stored.add(("original", content, "replaced/not.png"))
    stored.tree.write("replaced/same.png", same_size)
    stored.tree.write("replaced/longer.png", longer)
    ban(stored, content)
    result = erase(stored, code, "--yes")
    assert result.returncode == 3, result.stderr
    assert "kept replaced/same.png: the site has put other bytes there" in result.stdout
    left = stored.tree.read()
    assert (left["replaced/same.png"], left["replaced/longer.png"]) == (same_size, longer)
    assert content not in stored.everywhere()
    assert ("kept", sha256(content), "replaced/longer.png") in record(stored, content)
    stored.site.execute("DELETE FROM renditions WHERE path LIKE 'replaced/%'")


def test_what_is_not_found_is_not_called_erased(stored: StoredSite) -> None:
    content = os.urandom(700)
    code = stored.add(("original", content, "mounted/a.png"))
    ban(stored, content)
    elsewhere = f"{stored.site.origin.envvars['ORIGIN_IN_PLACE']}-elsewhere"
    if "://" not in elsewhere:
        Path(elsewhere).mkdir()
    for _ in range(2):
        result = erase(stored, code, "--yes", "--in-place", elsewhere)
        assert result.returncode == 3, result.stderr
        assert "0 files erased, 1 not" in result.stdout
        assert "mounted/a.png is not in the store, and no erasure has destroyed it" in result.stdout
    assert "erased" not in [action for action, _, _ in record(stored, content)]
    assert erase(stored, code, "--yes").returncode == 0
    assert content not in stored.everywhere()
    (banned,) = json.loads(receipts(stored, code, "--json").stdout)["bans"]
    assert (banned["erasure"]["erased"], banned["erasure"]["kept"]) == (1, 0)


def test_a_killed_run_is_completed_by_the_next_one(stored: StoredSite) -> None:
    content = os.urandom(900)
    paths = [f"killed/{number:0200}" for number in range(40)]
    codes = [stored.add(("original", content, path)) for path in paths]
    ban(stored, content)
    # It names each file that it has erased: nobody reads that, so the pipe is full before the last one.
    with begun(stored, codes[0], "--yes", pipesize=4096) as process:
        wait_until(lambda: len(record(stored, content)) > 3 or process.poll() is not None, "some files erased")
        process.send_signal(signal.SIGKILL)
    assert ("done", None, None) not in record(stored, content), "it was killed in the middle"
    assert content in stored.everywhere()
    result = erase(stored, codes[0], "--yes")
    assert result.returncode == 0, result.stderr
    assert content not in stored.everywhere()
    erased = [path for action, _, path in record(stored, content) if action == "erased" and path]
    assert sorted(set(erased)) == paths
    assert record(stored, content)[-1][0] == "done"
    assert erase(stored, codes[0], "--yes").returncode == 0, "and again, when nothing is left"


def test_erased_files_are_told_from_lost_ones(stored: StoredSite) -> None:
    content, lost = os.urandom(900), os.urandom(900)
    code = stored.add(("original", content, "told.png"))
    missing = stored.add(("original", lost, "lost.png"))
    ban(stored, content)
    assert erase(stored, code, "--yes").returncode == 0
    before = stored.site.run_origin("origin", "verify")
    assert before.returncode == 0
    assert " erased" in before.stdout
    stored.tree.remove("lost.png")
    after = stored.site.run_origin("origin", "verify")
    assert after.returncode == 3
    assert f"missing {missing}/original" in after.stdout
    assert code not in after.stdout
    stored.tree.write("lost.png", lost)


def test_a_lift_brings_no_erased_byte_back_and_the_answer_says_so(stored: StoredSite) -> None:
    content = os.urandom(900)
    in_place, own = stored.add(("original", content, "lifted.png")), stored.add(("original", content, None))
    ban(stored, content)
    assert erase(stored, own, "--yes").returncode == 0
    lift(stored, content)
    start = len(stored.site.origin.log_text())
    for code in (in_place, own):
        answer = stored.site.request(code)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (410, "no-store")
        assert b"erased" in answer.content
    assert stored.site.complaints(start) == [], "nothing is wrong"
    stored.tree.write("lifted.png", content)
    assert stored.site.request(in_place).content == content, "the site may put it back"


def receipts(stored: StoredSite, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_apart(
        [command("purger"), "receipts", *arguments], {"PURGER_DATABASE_URL": stored.site.database.url("purger")}
    )


def test_the_receipt_says_when_the_bytes_were_erased(stored: StoredSite) -> None:
    content, shared = os.urandom(900), os.urandom(900)
    code = stored.add(("original", content, "receipt.png"), ("thumb", shared, None))
    stored.add(("original", os.urandom(900), None), ("thumb", shared, None))
    ban(stored, content)
    assert "erase" not in receipts(stored, code).stdout
    assert json.loads(receipts(stored, code, "--json").stdout)["bans"][0]["erasure"] is None
    stored.site.execute(
        "INSERT INTO erasures (action, original, ban_id) SELECT 'begin', subject, id FROM bans WHERE subject = %s",
        sha256(content),
    )
    assert "was not completed: run `origin erase` again" in receipts(stored, code).stdout
    assert erase(stored, code, "--yes").returncode == 3
    for arguments in ((code,), ("--digest", sha256(content))):
        text = " ".join(receipts(stored, *arguments).stdout.split())
        assert "bytes erased " in text
        assert "by takedown_erase@localhost: 1 file; 1 file not erased (shared, replaced or not found)" in text
    (banned,) = json.loads(receipts(stored, code, "--json").stdout)["bans"]
    assert (banned["erasure"]["erased"], banned["erasure"]["kept"]) == (1, 1)
    assert banned["erasure"]["done_at"].endswith("Z")
    lift(stored, content)
    assert "bytes erased " in receipts(stored, code).stdout


def test_the_original_of_an_image_that_was_replaced_goes_too(stored: StoredSite) -> None:
    content = os.urandom(900)
    code = stored.add(("original", content, None))
    stored.site.new_image(code, dated=False)
    assert content in stored.everywhere()
    ban(stored, content)
    result = erase(stored, "--digest", sha256(content).upper(), "--yes")
    assert result.returncode == 0, result.stderr
    assert "1 files erased" in result.stdout
    assert content not in stored.everywhere()
    assert stored.site.request(code).status_code == 200


@pytest.mark.parametrize("kind", ["sha256", "sha1", "md5", "canonical"])
def test_any_name_of_a_content_erases_all_of_its_originals(stored: StoredSite, kind: str) -> None:
    content, variant, other = (os.urandom(900) for _ in range(3))
    canonical = sha256(os.urandom(9))
    codes = stored.add(("original", content, None)), stored.add(("original", variant, f"any/{kind}.png"))
    stored.add(("original", other, None))
    names = [
        [canonical, *(hashlib.new(each, data).hexdigest() for each in ("sha256", "sha1", "md5"))]
        for data in (content, variant)
    ]
    stored.site.execute("CALL note_contents(%s)", json.dumps(names))
    name = canonical if kind == "canonical" else hashlib.new(kind, variant).hexdigest()
    assert erase(stored, "--digest", name, "--yes").returncode == 1, "it is not banned"
    ban(stored, content)
    result = erase(stored, "--digest", name.upper(), "--yes")
    assert result.returncode == 0, result.stderr
    assert not [data for data in (content, variant) if data in stored.everywhere()]
    assert other in stored.everywhere()
    assert {stored.site.request(code).status_code for code in codes} == {410}
    assert all(("erased", sha256(data)) in [row[:2] for row in record(stored, data)] for data in (content, variant))


def test_the_record_can_be_neither_forged_nor_changed(stored: StoredSite) -> None:
    content = os.urandom(900)
    code = stored.add(("original", content, None))
    ban(stored, content)
    assert erase(stored, code, "--yes").returncode == 0
    before = record(stored, content)
    statements = [
        "UPDATE erasures SET detail = 'x'",
        "DELETE FROM erasures",
        "INSERT INTO erasures (action, original, ban_id, account) VALUES ('done', REPEAT('a', 64), 1, 'me')",
        "INSERT INTO erasures (action, original, ban_id, written_at) VALUES ('done', REPEAT('a', 64), 1, NOW())",
        "INSERT INTO erasures (action, original, ban_id) VALUES ('nothing', REPEAT('a', 64), 1)",
        "INSERT INTO erasures (action, original, ban_id) VALUES ('done', '../..', 1)",
        "INSERT INTO bans (scope, subject) VALUES ('image', 'x')",
        "UPDATE bans SET lifted_at = NOW()",
        "DELETE FROM renditions",
    ]
    with stored.site.database.connect("erase") as connection, connection.cursor() as cursor:
        for statement in statements:
            with pytest.raises(mysql.connector.Error):
                cursor.execute(statement)
        cursor.execute("SET TIMESTAMP = 1")
        cursor.execute("INSERT INTO erasures (action, original, ban_id) VALUES ('begin', REPEAT('a', 64), 1)")
        cursor.execute("SELECT account, written_at > '2020-01-01' FROM erasures ORDER BY id DESC LIMIT 1")
        assert cursor.fetchone() == ("takedown_erase@localhost", 1)
    for statement in statements[:2]:
        with pytest.raises(mysql.connector.Error, match="append-only"):
            stored.site.execute(statement)
    assert record(stored, content) == before

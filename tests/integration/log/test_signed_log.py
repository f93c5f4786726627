"""Ban on a real system whose purger signs its log: the proof is checked without the database, and tells it all."""

import json
import os
import stat
import subprocess
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from purger.signed_log.checkpoints import StoredNodes
from stack.processes.commands import command, run_apart
from stack.processes.server import frozen
from stack.processes.waiting import wait_until
from stack.purger import Purger
from takedown_db.connection.lasting_connection import Connection
from takedown_log.signed_note import Checkpoint, SignerKey, open_note
from takedown_log.tree import GrowingTree, consistency_proof, leaf_hash, roots_from_consistency
from tests.support.sites.site_actions import Site


class Desk:
    """Bans on the stack, and makes and checks proofs."""

    def __init__(self, site: Site, directory: Path) -> None:
        self.site = site
        self.directory = directory
        self.key = str(site.stack.log_key.verifier())

    def purger(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.site.stack.purger.run(*arguments)

    def prove(self, *subject: str) -> Path:
        file = self.directory / f"{subject[-1]}.proof"
        self.purger("prove", *subject, "-o", str(file)).check_returncode()
        return file

    def verify(self, file: Path, *more: str) -> subprocess.CompletedProcess[str]:
        return self.purger("verify", str(file), "--key", self.key, *more)

    def proven(self, *subject: str) -> bool:
        """Tell whether the log has all that is to be known of a subject's bans."""
        made = self.purger("prove", *subject, "-o", str(self.directory / "try"))
        return made.returncode == 0 and self.verify(self.directory / "try").returncode == 0

    def report(self, *subject: str) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.verify(self.prove(*subject), "--json").stdout)
        return report

    def ban(self) -> str:
        code = self.site.new_image()
        self.purger("ban", code, "--reason", "court order 7", "--by", "Ann").check_returncode()
        wait_until(lambda: self.proven(code), "a complete proof")
        return code

    def sql(self, text: str, *values: str) -> list[tuple[Any, ...]]:
        with self.site.admin.cursor() as cursor:
            cursor.execute(text, values)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


@pytest.fixture
def desk(site: Site, tmp_path: Path) -> Desk:
    return Desk(site, tmp_path)


def test_a_proof_tells_who_banned_and_when_each_edge_acknowledged_and_was_seen(desk: Desk) -> None:
    code = desk.ban()
    told = desk.verify(desk.prove(code))
    assert told.returncode == 0
    assert told.stdout.startswith("VALID: ")
    assert f"ban of image {code} by takedown_moderation@localhost for Ann: court order 7\n" in told.stdout
    for edge in ("edge1", "edge2"):
        assert f"  {edge}: acknowledged at 20" in told.stdout
    assert told.stdout.count("seen gone at 20") == 2
    report = json.loads(desk.verify(desk.prove(code), "--json").stdout)
    assert [event["action"] for event in report["events"]] == ["ban"]
    assert [edge["method"] for edge in report["events"][0]["edges"]] == ["purge", "purge"]


def test_a_proof_needs_neither_database_nor_purger(desk: Desk) -> None:
    code = desk.ban()
    file = desk.prove(code)
    nothing = {"PATH": os.environ["PATH"]}
    unable = run_apart([command("purger"), "prove", code, "-o", str(file.with_suffix(".2"))], nothing)
    assert (unable.returncode, "Missing option" in unable.stderr) == (2, True), "it needs the key and the database"
    verified = run_apart([command("purger"), "verify", str(file), "--key", desk.key], nothing)
    assert (verified.returncode, verified.stdout.startswith("VALID")) == (0, True), verified.stderr


def test_a_change_of_one_character_is_found(desk: Desk) -> None:
    file = desk.prove(desk.ban())
    file.write_text(file.read_text().replace("court order 7", "court order 8"))
    told = desk.verify(file)
    assert told.returncode == 1
    assert "NOT VALID: leaf" in told.stderr or "NOT VALID: the signed statement" in told.stderr


def test_a_lift_follows_its_ban(desk: Desk) -> None:
    code = desk.ban()
    desk.purger("lift", code, "--by", "Bob", "--reason", "withdrawn", "--wait", "60").check_returncode()

    def told() -> list[tuple[str, ...]]:
        report = json.loads(desk.verify(desk.prove(code), "--json").stdout)
        texts = ("action", "banned_by", "reason", "lifted_by", "lift_reason")
        return [tuple(event[text] for text in texts) for event in report["events"]]

    ban = ("ban", "Ann", "court order 7", None, None)
    wait_until(lambda: told() == [ban, ("lift", *ban[1:3], "Bob", "withdrawn")], "the lift in the log")


def test_owners_and_digests_are_proven_too_and_one_ban_alone(desk: Desk) -> None:
    owner = desk.site.new_owner()
    code = desk.site.new_image(owner)
    for subject in (("--owner", owner), ("--digest", desk.site.digest_of(code))):
        desk.purger("ban", *subject, "--by", "Ann").check_returncode()
        wait_until(partial(desk.proven, *subject), f"a proof of {subject}")
    desk.purger("ban", "--owner", owner, "--by", "Bob").check_returncode()
    wait_until(lambda: len(desk.report("--owner", owner)["events"]) == 2, "the second ban in the log")
    ((first,), (second,)) = desk.sql("SELECT id FROM bans WHERE subject = %s ORDER BY id", owner)
    wait_until(lambda: desk.proven("--ban", str(second)), "a proof of the second ban")
    report = desk.report("--ban", str(first))
    assert report["about"] == f"ban {first}"
    assert [event["banned_by"] for event in report["events"]] == ["Ann"]
    assert [event["banned_by"] for event in desk.report("--ban", str(second))["events"]] == ["Bob"]
    assert desk.report("--owner", owner)["about"] == f"owner {owner}"


@pytest.mark.parametrize(
    ("subject", "exit_code", "words"),
    [
        (["--ban", "999999999"], 1, "the log has nothing on ban 999999999"),
        (["--ban", "0"], 2, "0 is not in the range"),
        (["--ban", "1", "--owner", "alice"], 2, "give a subject or --ban, and not both"),
        ([], 2, "give one of CODE"),
        (["--digest", "abc"], 2, "'abc' is not a digest"),
    ],
)
def test_a_proof_needs_one_subject_that_was_banned(desk: Desk, subject: list[str], exit_code: int, words: str) -> None:
    made = desk.purger("prove", *subject, "-o", str(desk.directory / "none"))
    assert (made.returncode, words in made.stderr) == (exit_code, True)
    assert not (desk.directory / "none").exists()


def test_an_edge_that_has_not_acknowledged_is_told(desk: Desk) -> None:
    code = desk.site.new_image()
    edge = desk.site.stack.edges[1]
    with frozen(edge):
        desk.purger("ban", code).check_returncode()

        def told() -> subprocess.CompletedProcess[str] | None:
            made = desk.purger("prove", code, "-o", str(desk.directory / "early"))
            return desk.verify(desk.directory / "early") if made.returncode == 0 else None

        shown = wait_until(told, "the ban in the log")
        assert shown.returncode == 3
        assert "  Not proven: edge2 has not acknowledged it.\n" in shown.stdout
    wait_until(lambda: desk.proven(code), "the proof after all")


def test_what_nobody_banned_cannot_be_proven(desk: Desk) -> None:
    made = desk.purger("prove", "never-banned", "-o", str(desk.directory / "none"))
    assert made.returncode == 1
    assert "the log has nothing on image never-banned" in made.stderr
    assert not (desk.directory / "none").exists()


def test_the_stored_log_is_the_tree_that_was_signed_and_each_state_begins_the_next(desk: Desk) -> None:
    desk.ban()
    notes = [bytes(note) for (note,) in desk.sql("SELECT note FROM log_checkpoints ORDER BY size")]
    states = [Checkpoint.parse(open_note(note.decode(), [desk.site.stack.log_key.verifier()])) for note in notes]
    tree, roots = GrowingTree(), {}
    for content, kept in desk.sql("SELECT content, hash FROM log_leaves ORDER BY leaf"):
        assert leaf_hash(bytes(content)) == bytes(kept)
        tree.append(bytes(kept))
        roots[tree.size] = tree.root()
    assert states
    assert all(roots[state.size] == state.root for state in states)
    connection = Connection(desk.site.stack.database.url("purger"), timeout=30)
    nodes = StoredNodes(connection)
    for earlier, later in pairwise(states):
        proof = consistency_proof(earlier.size, later.size, nodes.read)
        assert roots_from_consistency(earlier.size, later.size, earlier.root, proof) == (earlier.root, later.root)
    connection.close()


def test_a_frozen_writer_loses_nothing_and_two_double_nothing(desk: Desk) -> None:
    second = Purger(
        desk.directory / "second",
        desk.site.stack.database,
        options={"PURGER_LOG_KEY_FILE": str(desk.site.stack.directory / "log-key")},
    )
    with second:
        with frozen(desk.site.stack.purger):
            code = desk.ban()
        desk.ban()
    rows = """SELECT COUNT(*) FROM log_leaves
        WHERE kind = 'event' AND source IN (SELECT id FROM moderation_log WHERE subject = %s)"""
    assert desk.sql(rows, code) == [(1,)]
    assert desk.sql(
        "SELECT COUNT(*) - COUNT(DISTINCT kind, source) FROM log_leaves WHERE kind IN ('batch', 'event')"
    ) == [(0,)]


def test_a_key_is_made_once_and_for_its_owner_alone(desk: Desk) -> None:
    file = desk.directory / "key"
    made = desk.purger("key", str(file), "--name", "a/b")
    assert made.returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(SignerKey.parse(file.read_text()).verifier()) == made.stdout.strip()
    again = desk.purger("key", str(file), "--name", "a/b")
    assert (again.returncode, again.stderr) == (1, f"Error: {file}: File exists\n")
    file.chmod(0o644)
    exposed = desk.purger("key", str(desk.directory / "next"), "--after", str(file))
    assert f"log key: every user of this machine can read {file}: chmod o-rwx it" in exposed.stderr
    assert exposed.returncode == 0
    assert desk.purger("key", str(desk.directory / "x"), "--name", "a b").returncode == 2


def test_a_file_that_holds_no_key_is_refused(desk: Desk) -> None:
    file = desk.directory / "no-key"
    file.write_text("something")
    refused = desk.purger("run", "--log-key-file", str(file))
    assert refused.returncode == 2
    assert f"{file}: no signer key" in refused.stderr


def test_a_malformed_entry_is_told_and_holds_up_no_other(desk: Desk) -> None:
    with desk.site.stack.database.connect("purger") as purger, purger.cursor() as cursor:
        for content in (
            b'{"kind":"seen"}',
            b'{ "kind":"acknowledged"}',
            b'{"kind":"seen","note":"' + b"a" * 40_000 + b'"}',
        ):
            cursor.execute("INSERT INTO log_entries (content) VALUES (%s)", (content,))
        purger.commit()
    desk.ban()
    assert desk.sql("SELECT COUNT(*) FROM log_entries WHERE content LIKE '{ %'") == [(0,)]
    told = desk.site.stack.purger.log_text()
    assert "is left out of the signed log: it is no canonical JSON" in told
    assert 'Find out who wrote it: { "kind":"acknowledged"}\n' in told

"""Change the keys of a log that real purgers sign, and compare its state with checkpoints that somebody holds."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from purger.signed_log.append import KEPT_LEVELS
from purger.signed_log.keys import read_key
from stack.databases.database import Database
from stack.processes.waiting import wait_until
from stack.purger import Purger
from takedown_log.signed_note import Checkpoint, NoteError, SignerKey, VerifierKey, name_next_key, open_note
from takedown_log.tree import GrowingTree, leaf_hash


class LogDesk:
    """A database, the purgers that sign its log with keys in files, and no edge."""

    def __init__(self, database: Database, directory: Path) -> None:
        self.database = database
        self.directory = directory
        self.commands = Purger(directory / "commands", database)
        self._bans = 0
        self.first = self.second = ""  # public halves of the keys
        self.old = self.new = ""  # a code that was banned while each of them signed

    def purger(self, *arguments: str, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command, and hold its exit code against the one that is expected."""
        done = self.commands.run(*map(str, arguments))
        assert done.returncode == exit_code, (arguments, done.stdout, done.stderr)
        return done

    def key(self, name: str, *options: str) -> str:
        """Make a key; return its public half."""
        return self.purger("key", str(self.directory / name), *options).stdout.strip()

    @contextmanager
    def signing(self, key: str) -> Iterator[Purger]:
        """Run a purger with a key."""
        options = {"PURGER_LOG_KEY_FILE": str(self.directory / key)}
        with Purger(self.directory / f"purger-{key}", self.database, options=options) as running:
            yield running

    def subjects(self) -> set[str]:
        """Return the codes of which the log has an act of moderation."""
        rows = self.sql(
            "SELECT subject FROM moderation_log JOIN log_leaves ON kind = 'event' AND source = moderation_log.id"
        )
        return {str(subject) for (subject,) in rows}

    def ban(self, *, wait: bool = True) -> str:
        """Ban a code, and wait until it is in the log. Returns the code."""
        self._bans += 1
        code = f"code-{self._bans}"
        with self.database.connect("moderation") as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO bans (scope, subject, reason) VALUES ('image', %s, 'order 7')", (code,))
        if wait:
            wait_until(lambda: code in self.subjects(), "the ban in the log")
        return code

    def size(self) -> int:
        """Return the number of leaves."""
        return int(self.sql("SELECT size FROM log_state")[0][0])

    def signed_by(self, public: str) -> bool:
        """Tell whether the whole log is signed by a key."""
        rows = self.sql("SELECT note FROM log_checkpoints WHERE size = (SELECT size FROM log_state)")
        try:
            return bool(rows) and bool(open_note(bytes(rows[0][0]).decode(), [VerifierKey.parse(public)]))
        except NoteError:
            return False

    def checkpoint(self, name: str) -> Path:
        """Hold the checkpoint of now."""
        self.purger("checkpoint", "-o", str(self.directory / name))
        return self.directory / name

    def prove(self, code: str, key: str, *options: str, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        """Prove a ban with a key in a file."""
        file = str(self.directory / f"{code}.proof")
        key_file = ("--log-key-file", str(self.directory / key))
        return self.purger("prove", code, "-o", file, *key_file, *options, exit_code=exit_code)

    def verify(self, name: str, public: str, *options: str, exit_code: int = 0) -> str:
        """Verify a file; return what the command printed."""
        done = self.purger("verify", str(self.directory / name), "--key", public, *options, exit_code=exit_code)
        return done.stdout + done.stderr

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement as the administrator."""
        with self.database.connect_admin() as connection, connection.cursor() as cursor:
            cursor.execute(text, values)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def rewrite(self, leaf: int, content: str) -> None:
        """Change a leaf as a careful forger would: with its hash, all nodes above it, and the key's signature."""
        raw = content.encode()
        self.sql("UPDATE log_leaves SET content = %s, hash = %s WHERE leaf = %s", raw, leaf_hash(raw), leaf)
        tree = GrowingTree()
        for (kept,) in self.sql("SELECT hash FROM log_leaves ORDER BY leaf"):
            for level, index, node in tree.append(bytes(kept)):
                if level and level % KEPT_LEVELS == 0:
                    self.sql("UPDATE log_nodes SET hash = %s WHERE level = %s AND position = %s", node, level, index)
        state = Checkpoint("images.example/log", tree.size, tree.root())
        note = read_key(self.directory / "two").signer.sign(state.text())
        self.sql("UPDATE log_checkpoints SET note = %s WHERE size = %s", note.encode(), tree.size)


@pytest.fixture(scope="module")
def log(database: Database, tmp_path_factory: pytest.TempPathFactory) -> LogDesk:
    """Return a log that the key ``one`` has signed and the key ``two`` signs, each with bans of its time."""
    log = LogDesk(database, tmp_path_factory.mktemp("log"))
    log.first = log.key("one", "--name", "images.example/log")
    with log.signing("one"):
        log.old = [log.ban() for _ in range(10)][-1]
        wait_until(lambda: log.signed_by(log.first), "a signed log")
    log.checkpoint("held")
    log.prove(log.old, "one")
    log.second = log.key("two", "--after", str(log.directory / "one"))
    with log.signing("two"):
        wait_until(lambda: log.signed_by(log.second), "a log that the second key signs, without another takedown")
        log.new = log.ban()
        wait_until(lambda: log.signed_by(log.second), "a signed log")
    return log


def test_proofs_hold_across_a_change_of_keys(log: LogDesk) -> None:
    log.prove(log.new, "two", "--page", str(log.directory / "page.html"))
    for public in (log.first, log.second):
        assert "VALID" in log.verify(f"{log.new}.proof", public)
    assert "VALID" in log.verify(f"{log.old}.proof", log.first)
    assert f"--key {log.second}" in (log.directory / "page.html").read_text()
    assert f"which is {log.second}" in log.prove(log.new, "one", exit_code=1).stderr


def test_a_log_has_only_grown_since_a_checkpoint_that_somebody_holds(log: LogDesk) -> None:
    held = log.directory / "held"
    log.purger("checkpoint", "--since", str(held), "-o", str(log.directory / "growth"))
    assert "Your checkpoint of" in log.verify("growth", log.first, "--checkpoint", str(held))
    report = json.loads(log.verify("growth", log.first, "--json"))
    assert report["earlier"]["size"] < report["size"] == log.size()
    now = log.checkpoint("now")
    assert "VALID: a state of the log" in log.verify("now", log.second)
    page = log.directory / "old.html"
    assert f"--key {log.first}`" in log.prove(log.old, "two", "--checkpoint", str(held), "--page", str(page)).stdout
    assert "agrees" not in page.read_text()
    assert "Your checkpoint of" in log.verify(f"{log.old}.proof", log.first, "--checkpoint", str(held))
    assert "ask for a file that" in log.verify(f"{log.old}.proof", log.first, "--checkpoint", str(now), exit_code=1)


def test_a_key_that_the_last_one_has_not_signed_is_refused_and_takedowns_go_on(log: LogDesk) -> None:
    # A second successor of the first key, a key of the same name that nobody has signed, and the first key itself.
    log.key("rival", "--after", str(log.directory / "one"))
    log.key("foreign", "--name", "images.example/log")
    for key in ("rival", "foreign", "one"):
        with log.signing(key) as purger:
            before = log.size()
            code = log.ban(wait=False)
            wait_until(partial(refused, purger), f"the refusal of the key {key}")
            assert log.size() == before
    log.sql("UPDATE batches SET numbered_at = numbered_at - INTERVAL 11 MINUTE ORDER BY batch DESC LIMIT 1")
    waits = "wait for their place in the signed log, the oldest for 11 min"
    assert waits in log.commands.run("status").stdout
    with log.signing("two"):
        wait_until(lambda: code in log.subjects(), "what happened meanwhile in the log")
    assert log.signed_by(log.second)
    assert waits not in log.commands.run("status").stdout
    assert log.sql("SELECT COUNT(*) FROM log_keys") == [(2,)]


def test_a_note_of_nobody_among_the_keys_is_named(log: LogDesk) -> None:
    for note in (b"garbage", name_next_key(SignerKey.generate("a/b"), SignerKey.generate("a/b").verifier()).encode()):
        log.sql("INSERT INTO log_keys (id, note) VALUES (3, %s)", note)
        assert "no state of this log" in log.prove(log.new, "two", exit_code=1).stderr
        assert "no state of this log" in log.purger("checkpoint", exit_code=1).stderr
        log.sql("DELETE FROM log_keys WHERE id = 3")
    log.prove(log.new, "two")


def refused(purger: Purger) -> bool:
    """Tell whether a purger has logged that its key is not that of the log."""
    return "the signed log is not written: the log's key is" in purger.log_text()


def test_a_log_that_was_rewritten_or_went_back_does_not_grow_out_of_a_held_checkpoint(log: LogDesk) -> None:
    held = log.checkpoint("before")
    ((leaf, content),) = log.sql(
        """SELECT leaf, content FROM log_leaves JOIN moderation_log ON moderation_log.id = log_leaves.source
        WHERE log_leaves.kind = 'event' AND moderation_log.subject = 'code-5'"""
    )
    forged = bytes(content).decode().replace('"action":"ban"', '"action":"lift"')
    log.sql("UPDATE log_leaves SET content = %s WHERE leaf = %s", forged.encode(), leaf)
    differs = "moderation_log 5, action: the log says 'lift', the database 'ban'"
    assert differs in log.prove("code-5", "two", exit_code=1).stderr
    with log.signing("two"):
        log.ban()  # the leaf's hash is what was signed
    log.rewrite(leaf, forged)
    with log.signing("two"):
        log.ban()
        wait_until(lambda: log.signed_by(log.second), "the rewritten log signed")
    assert differs in log.prove("code-5", "two", exit_code=1).stderr  # unless the forger alters the row as well
    refused = log.purger("checkpoint", "--since", str(held), "-o", str(log.directory / "none"), exit_code=1)
    assert "did not grow out of the checkpoint: the log was rewritten" in refused.stderr
    assert not (log.directory / "none").exists()

    size = int(held.read_text().split("\n")[1])
    log.sql("DELETE FROM log_checkpoints WHERE size >= %s", size)
    refused = log.purger("checkpoint", "--since", str(held), exit_code=1)
    assert f"the checkpoint is of {size} leaves, and the log has" in refused.stderr
    assert "a backup was restored" in refused.stderr


def test_a_key_is_made_with_a_name_or_after_another_one(log: LogDesk) -> None:
    target = str(log.directory / "never")
    for options in ([], ["--name", "a/b", "--after", str(log.directory / "one")], ["--after", str(log.directory)]):
        log.purger("key", target, *options, exit_code=2)
    assert not Path(target).exists()

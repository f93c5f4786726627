"""Measure the signed log at a size: ``python -m bench.log_size DIRECTORY LEAVES [proof]``, and an empty directory.

It fills the tables in bulk, as if that many takedowns had been at two edges: six leaves each. Then it makes a proof,
and compares the database with the log, unless ``proof`` is given. All times are those of this process, CPU seconds
beside wall seconds; the server's own come on top.
"""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.signed_log.append import KEPT_LEVELS
from purger.signed_log.audit.audit import audit_log
from purger.signed_log.entries import BatchedPurge, leaf_of_edges, leaf_of_key, row_hashes, utc_text
from purger.signed_log.proofs import Wanted, prove
from stack.database import Database
from takedown_base.scope import Scope
from takedown_db.connection.connect import connect
from takedown_db.connection.lasting_connection import Connection
from takedown_log.proof import Proof, verify
from takedown_log.signed_note import Checkpoint, SignerKey, name_next_key
from takedown_log.tree import GrowingTree, leaf_hash

#: Time-out in seconds of a statement: one loads a whole table.
_PATIENCE = 3600

_EDGES = ("edge1", "edge2")
_LEAVES_OF_A_TAKEDOWN = 2 + 2 * len(_EDGES)
_BEGAN = datetime(2026, 1, 1)

#: Tables of the log, whose files on disk are counted.
_TABLES = ("log_leaves", "log_nodes", "log_events", "log_checkpoints")

_Row = tuple[str, int | str, bytes, str]  # kind, source, content, openings in hex
_Made = TypeVar("_Made")


def main() -> None:
    """Build the log, and print what was measured."""
    directory, leaves = Path(sys.argv[1]), int(sys.argv[2])
    takedowns = leaves // _LEAVES_OF_A_TAKEDOWN
    signer = SignerKey.generate("images.example/takedowns")
    options = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=512M"]
    with Database(directory / "database", options) as database:
        database.migrate()
        with connect(database.admin_url(), timeout=_PATIENCE) as admin, admin.cursor() as cursor:
            _timed("build", lambda: _build(cursor, directory, takedowns, signer))
            size = sum(
                (directory / "database" / "data" / "takedown" / f"{table}.ibd").stat().st_size for table in _TABLES
            )
            cursor.execute("SELECT size FROM log_state")
            ((count,),) = _rows(cursor)
        _say(f"{count} leaves, {size / count:.0f} bytes a leaf on disk, {size / 2**30:.2f} GiB")
        connection = Connection(database.url("purger"), timeout=60)
        subject = f"code-{takedowns // 3}"
        proof = _timed("one proof", lambda: prove(connection, Wanted.of_subject(Scope.IMAGE, subject), signer))
        hashes = max(len(leaf.path) for leaf in proof.leaves)
        _say(f"  {len(proof.text().encode())} bytes, {len(proof.leaves)} leaves, {hashes} hashes in the longest path")
        _timed("one verification", lambda: verify(Proof.parse(proof.text()), signer.verifier()))
        if sys.argv[3:] != ["proof"]:
            report = _timed("audit --log", lambda: audit_log(connection, signer.verifier()))
            _say(f"  {report.altered} altered, {report.findings[:3]}, not checked: {report.not_checked}")
        connection.close()


def _build(cursor: MySQLCursorAbstract, directory: Path, takedowns: int, signer: SignerKey) -> None:
    leaves, nodes = directory / "leaves", directory / "nodes"
    tree, edges = _write_files(leaves, nodes, takedowns, signer)
    cursor.execute("SET SESSION unique_checks = 0")
    cursor.execute(
        f"LOAD DATA INFILE '{leaves}' INTO TABLE log_leaves CHARACTER SET binary "
        "(leaf, @hash, kind, source, content, @openings) SET hash = UNHEX(@hash), openings = UNHEX(@openings)"
    )
    cursor.execute(f"LOAD DATA INFILE '{nodes}' INTO TABLE log_nodes (level, position, @hash) SET hash = UNHEX(@hash)")
    note = signer.sign(Checkpoint(signer.name, tree.size, tree.root()).text())
    cursor.execute("INSERT INTO log_checkpoints VALUES (%s, %s)", (tree.size, note))
    cursor.execute("INSERT INTO log_keys (id, note) VALUES (1, %s)", (name_next_key(signer, signer.verifier()),))
    cursor.execute(
        "UPDATE log_state SET size = %s, peaks = %s, batch = %s, edges = %s, checkpoints = 1",
        (tree.size, b"".join(tree.peaks), takedowns, edges),
    )
    cursor.execute("SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()")
    for (trigger,) in _rows(cursor):
        cursor.execute(f"DROP TRIGGER {trigger}")
    for statement in _row_statements(takedowns):
        cursor.execute(statement)
    cursor.execute("COMMIT")


def _write_files(leaves: Path, nodes: Path, takedowns: int, signer: SignerKey) -> tuple[GrowingTree, str]:
    """Write rows of leaves and nodes for the server to load."""
    tree = GrowingTree()
    first = leaf_of_edges(_EDGES, _BEGAN)
    edges = first.hash().hex()
    heads = (first, leaf_of_key(signer.verifier(), _BEGAN))
    with leaves.open("wb") as leaf_file, nodes.open("wb") as node_file:
        for leaf in heads:
            _add(tree, leaf_file, node_file, (leaf.index()[0], "\\N", leaf.content.encode(), "\\N"))
        for number in range(1, takedowns + 1):
            for row in _takedown(number, edges):
                _add(tree, leaf_file, node_file, row)
    return tree, edges


def _add(tree: GrowingTree, leaf_file: Any, node_file: Any, row: _Row) -> None:
    kind, source, content, openings = row
    place, hashed = tree.size, leaf_hash(content)
    leaf_file.write(b"%d\t%s\t%s\t%s\t%s\t%s\n" % (
        place, hashed.hex().encode(), kind.encode(), str(source).encode(), content, openings.encode()
    ))  # fmt: skip
    for level, position, node in tree.append(hashed):
        if level and level % KEPT_LEVELS == 0:
            node_file.write(b"%d\t%d\t%s\n" % (level, position, node.hex().encode()))


def _takedown(number: int, edges: str) -> Iterator[_Row]:
    began = _BEGAN + timedelta(milliseconds=number)
    at, salt = utc_text(began), sha256(str(number).encode()).digest()[:16]
    purges = row_hashes([BatchedPurge(number, number, "image", f"code-{number}", "ban", number, began)])
    committed, opened = _commitments({"purges": purges[number]}, salt)
    yield (
        "batch", number,
        f'{{"at":"{at}","batch":{number},"committed":[{committed}],"edges":"{edges}","identity":"i","kind":"batch",'
        '"rows":1}'.encode(), opened,
    )  # fmt: skip
    values = {"account": "desk@site", "banned_by": "Ann", "reason": "spam", "subject": f"code-{number}"}
    committed, opened = _commitments(values, salt)
    yield (
        "event", number,
        f'{{"action":"ban","at":"{at}","ban":{number},"banned_at":"{at}","batch":{number},"committed":[{committed}],'
        f'"event":{number},"kind":"event","row":{number},"scope":"image"}}'.encode(), opened,
    )  # fmt: skip
    for edge in _EDGES:
        yield (
            "acknowledged", number,
            f'{{"at":"{at}","edge":"{edge}","first":{number},"instance":"v1","kind":"acknowledged","last":{number},'
            '"method":"purge"}'.encode(), "\\N",
        )  # fmt: skip
    committed, opened = _commitments({"code": ""}, salt)
    for edge in _EDGES:
        yield (
            "seen", number,
            f'{{"at":"{at}","committed":[{committed}],"edge":"{edge}","gone":"yes","kind":"seen","row":{number},'
            '"status":410}'.encode(), opened,
        )  # fmt: skip


def _commitments(values: dict[str, str], salt: bytes) -> tuple[str, str]:
    """Return the commitments to values, as a leaf lists them, and their openings in hex."""
    committed = ",".join(f'"{name}:{sha256(salt + value.encode()).hexdigest()}"' for name, value in values.items())
    opened = ", ".join(f'"{name}": ["{value}", "{salt.hex()}"]' for name, value in values.items())
    return committed, f"{{{opened}}}".encode().hex()


def _row_statements(takedowns: int) -> Iterator[str]:
    """Yield the statements that make the rows of the tables from the leaves of batches."""
    at = f"TIMESTAMPADD(MICROSECOND, source * 1000, '{_BEGAN:%Y-%m-%d}')"
    of_batches = "FROM log_leaves WHERE kind = 'batch' ORDER BY source"
    yield "INSERT INTO log_events (leaf, batch) SELECT leaf, source FROM log_leaves WHERE kind = 'event'"
    yield f"INSERT INTO batches (batch, identity, numbered_at, size) SELECT source, 'i', {at}, 1 {of_batches}"
    yield (
        "INSERT INTO invalidations (id, scope, subject, cause, ban_id, written_at, batch) "
        f"SELECT source, 'image', CONCAT('code-', source), 'ban', source, {at}, source {of_batches}"
    )
    yield (
        "INSERT INTO bans (id, scope, subject, reason, banned_by, banned_at) "
        f"SELECT source, 'image', CONCAT('code-', source), 'spam', 'Ann', {at} {of_batches}"
    )
    yield (
        "INSERT INTO moderation_log "
        "(id, action, ban_id, scope, subject, reason, banned_by, invalidation, account, logged_at, banned_at) "
        "SELECT source, 'ban', source, 'image', CONCAT('code-', source), 'spam', 'Ann', source, 'desk@site', "
        f"{at}, {at} {of_batches}"
    )
    for edge in _EDGES:
        yield f"INSERT INTO receipts SELECT '{edge}', source, source, 'purge', 'v1', {at} {of_batches}"
        yield (
            "INSERT INTO sightings (edge, invalidation, code, seen_at, status, gone) "
            f"SELECT '{edge}', source, '', {at}, 410, 1 {of_batches}"
        )
    yield f"UPDATE numbering SET last_batch = {takedowns}"


def _timed(name: str, work: Callable[[], _Made]) -> _Made:
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    _say(f"{name}: {time.perf_counter() - wall:.3f} s, CPU {time.process_time() - cpu:.3f} s")
    return made


def _rows(cursor: MySQLCursorAbstract) -> list[Any]:
    return list(cursor.fetchall())


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

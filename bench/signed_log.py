"""Measure what the signed log costs: bulks, single bans and acknowledgements with it, beside a purger without one."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench.figures.results import Distribution, Result, compare
from bench.takedown import timed_ban
from bench.tools.bulk_bans import BANS, Bulks
from bench.tools.load import cpu_seconds
from bench.tools.other_purgers import stack_with
from purger.model import Receipt
from purger.records.rows import record_receipts
from purger.signed_log.audit.prove import Wanted, prove
from purger.signed_log.keys import LogKey
from purger.signed_log.writer import LogWriter
from stack.databases.database import Database
from stack.system import Stack
from takedown_db.connection.lasting_connection import Connection
from takedown_log.findings import find
from takedown_log.proof import Proof, verify
from takedown_log.signed_note import SignerKey

_SINGLES = 100  # bans a round

#: Most rounds: each has two bulks.
_ROUNDS = 2

#: Edges of a fleet, and the batches that each acknowledges in a round.
_EDGES, _BATCHES = 1000, 20


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Compare ms from commit to gone of single bans, subjects/s of bulks, and the CPU of a fleet's acknowledgements."""
    with Database(directory / "fleet") as database:
        database.migrate()
        fleet = _Fleet(database)
        contenders = {"without the log": fleet.record, "with the log": fleet.record_and_log}
        yield compare(f"acknowledgements of {_EDGES:,} edges", contenders, rounds=rounds, warm_up=0)
    with ExitStack() as running:
        stacks = {
            "without the log": running.enter_context(stack_with("unlogged", directory / "without")[0]),
            "with the log": running.enter_context(Stack(directory / "with")),
        }
        samples: dict[str, list[float]] = {name: [] for name in stacks}
        for _ in range(min(rounds, _ROUNDS)):
            for name, stack in stacks.items():
                bans = [timed_ban(stack, 0.01) for _ in range(_SINGLES)]
                samples[name] += [1000 * (ban.gone - ban.committed) for ban in bans]
        yield Distribution("commit to gone, with the signed log", "ms", samples)
        contenders = {name: partial(_bulk, stack) for name, stack in stacks.items()}
        yield compare(
            f"bulk of {BANS:,} images, with the signed log", contenders, rounds=min(rounds, _ROUNDS), warm_up=0
        )


def _bulk(stack: Stack) -> Mapping[str, float]:
    """Ban in bulk. The log is written for minutes after it, beside both contenders of the next rounds."""
    bulks = Bulks(stack.database)
    before = bulks.commit("image")
    begin = time.perf_counter()
    bulks.wait_acknowledged(before)
    seconds = time.perf_counter() - begin
    stack.settle()
    return {"subjects/s": BANS / seconds}


class _Fleet:
    """Records what a fleet of edges that do not exist acknowledges, as a purger's recorder and log writer do."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._edges = [f"edge{number}.region{number % 20}.example" for number in range(_EDGES)]
        with database.connect_admin() as connection, connection.cursor() as cursor:
            insert = "INSERT INTO edges (name, purge_url, public_url, token_file) VALUES (%s, 'p', 'q', 't')"
            cursor.executemany(insert, [(edge,) for edge in self._edges])

    def record(self) -> Mapping[str, float]:
        """Record receipts as a purger without a key does."""
        with self._database.connect_admin() as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE log_state SET begun = NULL")
        return self._measure(lambda: None)

    def record_and_log(self) -> Mapping[str, float]:
        """Record receipts, and append them to a log that begins now."""
        with self._database.connect_admin() as connection, connection.cursor() as cursor:
            for table in ("log_leaves", "log_nodes", "log_checkpoints", "log_keys", "log_events"):
                cursor.execute(f"TRUNCATE TABLE {table}")
            cursor.execute("UPDATE log_state SET size = 0, begun = NULL, checkpoints = 0")
        signer = SignerKey.generate("bench/takedowns")
        connection_of_log = Connection(self._database.url("purger"), timeout=30)
        writer = LogWriter(connection_of_log, threading.Event(), key=LogKey(signer))

        def append() -> None:
            while writer._append_some():
                pass

        append()
        figures = {**self._measure(append), **self._prove(connection_of_log, signer)}
        with self._database.connect_admin() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT SUM(56 + LENGTH(content) + COALESCE(LENGTH(openings), 0)) FROM log_leaves")
            rows: Any = cursor.fetchall()
        connection_of_log.close()
        return {**figures, "bytes of the log, a receipt": float(rows[0][0]) / (_EDGES * _BATCHES)}

    def _prove(self, connection: Connection, signer: SignerKey) -> Mapping[str, float]:
        """Prove the last ban at all edges, and check the proof."""
        with self._database.connect_admin() as connection_of_bans, connection_of_bans.cursor() as cursor:
            cursor.execute("SELECT MAX(id) FROM bans")
            rows: Any = cursor.fetchall()
        before = time.thread_time()
        text = prove(connection, Wanted.of_ban(int(rows[0][0])), signer).text()
        made = time.thread_time()
        find(verify(Proof.parse(text), signer.verifier()))
        return {
            "proof of a ban, KB": len(text) / 1000,
            "CPU ms to make it": 1e3 * (made - before),
            "CPU ms to check it": 1e3 * (time.thread_time() - made),
        }

    def _measure(self, append: Callable[[], None]) -> Mapping[str, float]:
        with self._database.connect_admin() as connection, connection.cursor() as cursor:
            for code in range(_BATCHES):
                insert = "INSERT INTO bans (scope, subject) VALUES ('image', %s)"
                cursor.execute(insert, (f"{time.monotonic_ns()}-{code}",))
                cursor.execute("CALL number_invalidations(NULL, NULL, @size, @more)")
            cursor.execute("SELECT last_batch FROM numbering")
            rows: Any = cursor.fetchall()
        last = int(rows[0][0])
        append()
        purger = Connection(self._database.url("purger"), timeout=30)
        before, own = cpu_seconds(self._database), time.thread_time()
        for batch in range(last - _BATCHES + 1, last + 1):
            receipts = [Receipt(edge, batch, batch, "purge", f"{hash(edge):x}", time.time()) for edge in self._edges]
            with purger.transaction() as cursor:
                record_receipts(cursor, receipts)
        recorded = time.thread_time()
        append()
        purger.close()
        number = _EDGES * _BATCHES
        return {
            "recorder's CPU us/receipt": 1e6 * (recorded - own) / number,
            "log writer's CPU us/receipt": 1e6 * (time.thread_time() - recorded) / number,
            "database's CPU us/receipt": 1e6 * (cpu_seconds(self._database) - before) / number,
        }

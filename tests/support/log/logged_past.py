"""A database with bans, receipts and probes that are all in the signed log, without purger and edges."""

import threading
import time
from collections.abc import Sequence
from typing import Any, Self

from mysql.connector.abstracts import MySQLConnectionAbstract

from purger.maintenance import prune, prune_log
from purger.model import ProbeResult, Receipt
from purger.records.rows import record_probes, record_receipts
from purger.signed_log.audit.audit import audit_log
from purger.signed_log.audit.prove import NothingToProveError, Wanted
from purger.signed_log.audit.prove import prove as make_proof
from purger.signed_log.audit.report import AuditReport
from purger.signed_log.keys import LogKey
from purger.signed_log.writer import LogWriter
from stack.databases.database import Database
from takedown_base.scope import Scope
from takedown_db.connection.connect import connect
from takedown_db.connection.lasting_connection import Connection
from takedown_log.findings import find
from takedown_log.proof import Proof, verify
from takedown_log.signed_note import SignerKey

EDGES = ("edge1", "edge2")
_TABLES = (
    *("bans", "moderation_log", "invalidations", "batches", "receipts", "sightings", "probe_remarks"),
    *("images", "renditions", "changes", "edges", "numbering", "retention", "unnumberable"),
    *("log_leaves", "log_entries", "log_nodes", "log_events", "log_checkpoints", "log_keys", "log_state"),
)
_ACCOUNTS = ("origin", "import", "erase", "moderation", "purger")


class LoggedPast:
    """Acts as moderation, importer and purger did, and lets the log be written and audited."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.signer = SignerKey.generate("images.example/takedowns")
        self.sessions: dict[str, MySQLConnectionAbstract] = {
            "admin": connect(database.admin_url(), timeout=30),
            **{account: connect(database.url(account), timeout=30) for account in _ACCOUNTS},
        }
        self.connection = Connection(database.url("purger"), timeout=30)
        self.stop = threading.Event()
        self.writer = LogWriter(self.connection, self.stop, key=LogKey(self.signer))
        self._told = 0  # the last batch that the edges have acknowledged

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for session in self.sessions.values():
            session.close()
        self.connection.close()

    def sql(self, text: str, *values: Any, by: str = "admin") -> list[tuple[Any, ...]]:
        """Run a statement of an account; return the rows of its first result."""
        with self.sessions[by].cursor() as cursor:
            cursor.execute(text, values)
            rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
            while cursor.nextset():
                pass
        return rows

    def begin(self) -> None:
        """Add the edges, and begin the log."""
        for edge in EDGES:
            self.sql("INSERT INTO edges (name, purge_url, public_url, token_file) VALUES (%s, 'p', 'q', 't')", edge)
        self.write()

    def ban(self, code: str, scope: str = "image", reason: str = "spam") -> None:
        """Ban as moderation does."""
        text = "INSERT INTO bans (scope, subject, reason, banned_by) VALUES (%s, %s, %s, 'Ann')"
        self.sql(text, scope, code, reason, by="moderation")

    def number(self) -> int:
        """Number all that waits as one batch or several; return the last one."""
        self.sql("CALL number_invalidations(NULL, NULL, @size, @more)", by="purger")
        return int(self.sql("SELECT last_batch FROM numbering")[0][0])

    def tell(self, edges: Sequence[str] = EDGES) -> None:
        """Number, and record what edges acknowledge and show of all batches since the last call."""
        last, now = self.number(), time.time()
        if last == self._told:
            return
        probed = "SELECT id, scope FROM invalidations WHERE batch > %s AND batch <= %s AND cause = 'ban'"
        rows = self.sql(probed, self._told, last)
        receipts = [Receipt(edge, self._told + 1, last, "purge", "v1", now) for edge in edges]
        probes = [
            ProbeResult(edge, row, at=now, status=410, gone=True, probed=2 if scope == "owner" else None)
            for edge in edges
            for row, scope in rows
        ]
        self.record(receipts, probes)
        self._told = last

    def record(self, receipts: Sequence[Receipt] = (), probes: Sequence[ProbeResult] = ()) -> None:
        """Record receipts and probe results with their entries, in one transaction, as the recorder does."""
        with self.connection.transaction() as cursor:
            record_receipts(cursor, receipts)
            record_probes(cursor, probes)

    def write(self) -> None:
        """Append to the log all that is not in it."""
        while self.writer._append_some():
            pass
        self.writer._append_some()

    def reset(self) -> None:
        """Empty all tables, and begin a new log."""
        for table in _TABLES:
            self.sql(f"TRUNCATE TABLE {table}")
        for table in ("numbering", "retention", "log_state"):
            self.sql(f"INSERT INTO {table} (one) VALUES (1)")
        self._told = 0
        self.begin()

    def age(self, days: int, until: int = 2**32) -> None:
        """Make all batches so far, or those up to a number, some days older, by the database's clock."""
        self.sql("UPDATE batches SET numbered_at = TIMESTAMPADD(DAY, %s, numbered_at) WHERE batch <= %s", -days, until)

    def prune(self) -> int:
        """Prune rows and leaves by the usual retention; return the number of leaves."""
        # Only the retention holds pruning back, and no bound of earlier calls.
        self.sql("UPDATE retention SET outbox_until = UTC_TIMESTAMP(6), receipts_until = UTC_TIMESTAMP(6)")
        sum(prune(self.connection, 30, 400))
        pruned = sum(prune_log(self.connection))
        self.write()
        return pruned

    def tell_something_new(self) -> None:
        """Number a change of an image: the last batch is never pruned."""
        text = "INSERT INTO invalidations (scope, subject, cause) VALUES ('image', 'later', 'resend')"
        self.sql(text, by="purger")
        self.tell()
        self.write()

    def prove(self, code: str) -> Proof | None:
        """Prove the acts on an image; None where the log tells nothing."""
        try:
            return make_proof(self.connection, Wanted.of_subject(Scope.IMAGE, code), self.signer)
        except NothingToProveError:
            return None

    def holds(self, proof: Proof | None) -> bool:
        """Tell whether a proof passes all checks."""
        return proof is not None and bool(find(verify(Proof.parse(proof.text()), self.signer.verifier())))

    def tells(self, proof: Proof | None) -> list[tuple[str, list[str]]]:
        """Return the acts that a proof names, each with the edges that acknowledged and showed the image gone."""
        assert proof is not None
        story = find(verify(proof, self.signer.verifier()))
        return [
            (told.event.action, [each.edge for each in told.edges if each.acknowledged_at and each.gone])
            for told in story
        ]

    def audit(self) -> AuditReport:
        """Compare the database with the log."""
        return audit_log(self.connection, self.signer.verifier())

    def live(self) -> None:
        """Let a site live for a while: bans of each scope, lifts, changes, deletions, moves, probes that differ."""
        insert = "INSERT INTO images (code, owner) VALUES (%s, %s)"
        for code in ("a1", "a2", "a3"):
            self.sql(insert, code, "alice", by="import")
        self.tell()
        for number in range(6):
            self.ban(f"code-{number}", reason=f"reason {number}")
        self.ban("alice", "owner")
        self.ban("0" * 64, "digest", reason="")
        self.tell()
        self.write()
        by = {"by": "moderation"}
        self.sql("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE subject = 'code-1'", **by)
        self.sql("UPDATE bans SET reason = 'another reason' WHERE subject = 'code-2'", **by)
        self.sql("UPDATE bans SET subject = 'code-9' WHERE subject = 'code-3'", **by)
        self.sql("DELETE FROM bans WHERE subject = 'code-4'", **by)
        self.sql("UPDATE images SET owner = 'bob' WHERE code = 'a2'", by="import")
        self.sql("INSERT INTO invalidations (scope, subject, cause) VALUES ('image', 'a1', 'resend')", by="purger")
        self.tell()
        ((row,),) = self.sql("SELECT MIN(id) FROM invalidations WHERE cause = 'ban'")
        now = time.time()
        shown = [
            ProbeResult("edge1", row, at=now + 1, status=200, gone=False, note="shown"),
            ProbeResult("edge1", row, at=now + 2, status=410, gone=True),
            ProbeResult("edge2", row, at=None, status=503, note="no answer"),
            ProbeResult("edge2", row, at=now, status=410, gone=True, code="a1"),
        ]
        self.record(probes=shown)
        self.write()

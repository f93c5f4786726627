"""Probes every enabled edge for the bans of one report when somebody asks for it, and records the results."""

from dataclasses import dataclass, replace

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.model import Edge, ProbeResult, Row
from purger.probing.probe import Probe, ProbeTarget
from purger.probing.row_probe import ImageChoice, RowProbeResult, choose, probe_row
from purger.probing.targets import ask_target, edges_to_probe
from purger.receipts.model import BanRecord, Purge, ReceiptsReport
from purger.records.rows import record_probes
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection

#: The number of a banned owner's or digest's images that are requested at each edge by default.
IMAGES_ON_DEMAND = 1000


@dataclass(frozen=True, slots=True)
class OnDemandProber:
    """Requests the images of bans that stand from each edge's public listener."""

    connection: Connection
    probe: Probe
    most: int = IMAGES_ON_DEMAND  # number of a banned owner's or digest's images, drawn at random

    def probe_report(self, report: ReceiptsReport) -> dict[tuple[int, str], ProbeResult]:
        """Probe every enabled edge for every ban that hides something, and return the results by ban and edge.

        Sends the purge of each image again that an edge shows although it is banned. Raises
        ``DatabaseUnavailableError``.
        """
        found: dict[tuple[int, str], ProbeResult] = {}
        names = {edge.name for edge in report.enabled}
        hiding = [ban for ban in report.bans if ban.hides]
        choices = {
            ban.id: choose(self.connection, ban.scope, ban.subject, most=self.most, code=report.code) for ban in hiding
        }
        for edge in edges_to_probe(self.connection) if hiding else ():
            if edge.name not in names:
                continue
            target = ask_target(edge)
            for ban in hiding:
                result = self._probe_ban(target, ban, report, choices[ban.id])
                found[ban.id, edge.name] = result.probe_result
                if result.unreachable:
                    # Each further ban would wait for the same time-out.
                    break
        return found

    def _probe_ban(
        self, target: ProbeTarget, ban: BanRecord, report: ReceiptsReport, choice: ImageChoice
    ) -> RowProbeResult:
        purge, edge = ban.purge, target.edge
        if purge is None or purge.batch is None:
            # No purge exists with which to record a result, or whose later changes could excuse the edge.
            row = Row(0, 0, ban.scope, ban.subject, "ban")
            result = probe_row(self.connection, self.probe, target, row, choice, excuse=self._excuse_lifted)
        else:
            row = Row(purge.id, purge.batch, ban.scope, ban.subject, purge.cause)
            result = probe_row(self.connection, self.probe, target, row, choice)
        # A result from before the acknowledgement is no receipt, and the purge is still on its way.
        acknowledged = purge is None or _has_acknowledged(purge, edge)
        if purge is not None and acknowledged:
            self._record(result, ban, purge, report, edge)
        if acknowledged:
            for kept in result.kept:
                self.connection.run("resend_image", code=kept.code)
        return result

    def _record(self, result: RowProbeResult, ban: BanRecord, purge: Purge, report: ReceiptsReport, edge: Edge) -> None:
        results = _parts_to_record(result, ban, report.code)
        # With the last resend too: else its older result would count as the later one.
        resends = [each for each in report.resends if each.id > purge.id and _has_acknowledged(each, edge)]
        if report.code is not None and resends:
            results.append(replace(result.probe_result, invalidation=resends[-1].id))
        self.connection.repeated(lambda cursor: _write(cursor, results))

    def _excuse_lifted(self, code: str) -> str | None:
        """Excuse an edge that shows ``code`` when no ban hides it any more."""
        ((banned, _),) = self.connection.rows("is_banned", code=code)
        return None if banned else "it was lifted meanwhile"


def _write(cursor: MySQLCursorAbstract, results: list[ProbeResult]) -> None:
    """Write results and their leaves in one transaction, which a purger that records the same may roll back."""
    cursor.execute("START TRANSACTION")
    record_probes(cursor, results)
    cursor.execute("COMMIT")


def _has_acknowledged(purge: Purge, edge: Edge) -> bool:
    return any(each.edge == edge.name and each.method for each in purge.edges)


def _parts_to_record(result: RowProbeResult, ban: BanRecord, code: str | None) -> list[ProbeResult]:
    """Choose the results to record: all, but if one image of a banned owner or digest was probed, only that one's."""
    if code is not None and ban.scope != Scope.IMAGE:
        return [replace(result.probe_result, code=code)]
    return [*result.parts, result.probe_result]

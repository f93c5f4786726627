"""Looks on demand for what the bans of a report hide, at every edge, and has it recorded."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from purger.edge_renditions import ask_renditions, edges_to_probe
from purger.model import Edge, ProbeResult, Row
from purger.probe import Probe
from purger.receipts.model import Ban, Purge, Report
from purger.row_probe import Choice, RowProbeResult, choose, probe_row
from purger.statement_values import probe_result_values
from takedown_db.connection import Connection

#: Images of a banned owner that are requested at each edge unless the command says otherwise.
IMAGES_OF_AN_OWNER = 1000


@dataclass(frozen=True, slots=True)
class Looker:
    """Requests the images of bans that stand, through each edge's public listener.

    Of a banned owner's images ``most``, drawn by chance. ``ask`` learns an edge's renditions.
    """

    connection: Connection
    probe: Probe
    most: int = IMAGES_OF_AN_OWNER
    ask: Callable[[Edge], tuple[str, ...] | None] = field(default=ask_renditions)

    def look(
        self, report: Report, *, progress: Callable[[], object] = lambda: None
    ) -> dict[tuple[int, str], ProbeResult]:
        """Look at every enabled edge; what was seen, by ban and edge. ``progress`` is called after each look.

        An image that is shown although it is banned is purged again. Raises ``DatabaseUnavailableError``.
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
            renditions = self.ask(edge)
            for ban in hiding:
                probe_result = self._at(edge, ban, report, replace(choices[ban.id], renditions=renditions))
                found[ban.id, edge.name] = probe_result
                progress()
                if probe_result.note and probe_result.note.startswith("unreachable"):
                    # The others would wait as long, for the same.
                    break
        return found

    def _at(self, edge: Edge, ban: Ban, report: Report, choice: Choice) -> ProbeResult:
        purge = ban.purge
        if purge is None or purge.batch is None:
            # No purge that a sighting could be recorded with, or that an excuse could be found by.
            row = Row(0, 0, ban.scope, ban.subject, "ban")
            finding = probe_row(self.connection, self.probe, edge, row, choice, excuse=self._lifted)
        else:
            row = Row(purge.id, purge.batch, ban.scope, ban.subject, purge.cause)
            finding = probe_row(self.connection, self.probe, edge, row, choice)
        # Before the acknowledgement it would be no receipt, and the purge is on its way.
        acknowledged = purge is None or _acknowledged(purge, edge)
        if purge is not None and acknowledged:
            self._record(finding, ban, purge, report, edge)
        if acknowledged:
            for kept in finding.kept:
                self.connection.run("resend_image", code=kept.code)
        return finding.probe_result

    def _record(self, finding: RowProbeResult, ban: Ban, purge: Purge, report: Report, edge: Edge) -> None:
        for probe_result in _evidence(finding, ban, report.code):
            self.connection.run("record_probe_result", **probe_result_values(probe_result))
        # The last purge that was sent again, too: what was seen after it must not count for longer than this look.
        again = [each for each in report.resends if each.id > purge.id and _acknowledged(each, edge)]
        if report.code is not None and again:
            probe_result = replace(finding.probe_result, invalidation=again[-1].id)
            self.connection.run("record_probe_result", **probe_result_values(probe_result))

    def _lifted(self, code: str) -> str | None:
        return None if self.connection.rows("is_banned", code=code)[0][0] else "it was lifted meanwhile"


def _acknowledged(purge: Purge, edge: Edge) -> bool:
    return any(each.edge == edge.name and each.method for each in purge.edges)


def _evidence(finding: RowProbeResult, ban: Ban, code: str | None) -> list[ProbeResult]:
    """Say what a look is evidence of: at one image of a banned owner, of that image alone."""
    if code is not None and ban.scope == "owner":
        return [replace(finding.probe_result, code=code)]
    return [*finding.parts, finding.probe_result]

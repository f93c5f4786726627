"""Looks on demand for what the bans of a report hide, at every edge, and has it recorded."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from purger.errors import UnreachableError
from purger.link import Link
from purger.model import Edge, Row, Sighting
from purger.probe import NO_IMAGES, Finding, Probe, codes_to_look_at, look_at
from purger.receipts import Ban, KnownEdge, Report
from purger.recorder import sighting_values


@dataclass(frozen=True, slots=True)
class Looker:
    """Requests the images of bans that stand, through each edge's public listener."""

    link: Link
    probe: Probe

    def look(self, report: Report, *, progress: Callable[[], object] = lambda: None) -> dict[tuple[int, str], Sighting]:
        """Look at every enabled edge; what was seen, by ban and edge. ``progress`` is called after each look.

        An image that is shown although it is banned is purged again. Raises ``DatabaseUnavailableError``.
        """
        found: dict[tuple[int, str], Sighting] = {}
        for edge in report.enabled:
            for ban in report.bans:
                if ban.hides:
                    found[ban.id, edge.name] = sighting = self._at(edge, ban, report.code)
                    progress()
                    if sighting.note and sighting.note.startswith("unreachable"):
                        # The others would wait as long, for the same.
                        break
        return found

    def _at(self, edge: KnownEdge, ban: Ban, code: str | None) -> Sighting:
        at = Edge(edge.name, purge_url="", public_url=edge.public_url, token_file="")
        purge = ban.purge
        if purge is None or purge.batch is None:
            finding = self._without_purge(at, ban, code)
        else:
            row = Row(purge.id, purge.batch, ban.scope, ban.subject, purge.cause)
            finding = look_at(self.link, self.probe, at, row, code=code)
        # Before the acknowledgement it would be no receipt, and the purge is on its way.
        acknowledged = purge is None or any(each.edge == edge.name and each.method for each in purge.edges)
        if purge is not None and acknowledged:
            for sighting in _evidence(finding, ban, code):
                self.link.run("sighting", **sighting_values(sighting))
        if finding.code is not None and acknowledged:
            self.link.run("resend", code=finding.code)
        return finding.sighting

    def _without_purge(self, edge: Edge, ban: Ban, code: str | None) -> Finding:
        """Look for a ban that has no purge to record a sighting with."""
        codes = [code] if code is not None else codes_to_look_at(self.link, ban.scope, ban.subject)
        status = None
        for each in codes:
            try:
                look = self.probe.look(edge.public_url, each, dict(self.link.rows("digests", code=each)))
            except UnreachableError as error:
                return Finding(Sighting(edge.name, 0, note=f"unreachable: {error}"))
            if look.served and self.link.rows("banned", code=each)[0][0]:
                return Finding(Sighting(edge.name, 0, at=time.time(), status=look.status, gone=False), each)
            if look.failing is not None:
                return Finding(Sighting(edge.name, 0, note=f"the edge answered {look.failing}"))
            if not look.served:
                status = look.status
        if status is None:
            return Finding(Sighting(edge.name, 0, note="it was lifted meanwhile" if codes else NO_IMAGES))
        return Finding(Sighting(edge.name, 0, at=time.time(), status=status, gone=True))


def _evidence(finding: Finding, ban: Ban, code: str | None) -> list[Sighting]:
    """Say what a look is evidence of: at one image of a banned owner, of that image alone."""
    if code is not None and ban.scope == "owner":
        return [replace(finding.sighting, code=code)]
    return [*finding.parts, finding.sighting]

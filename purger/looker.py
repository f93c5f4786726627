"""After acknowledgements: what is seen at the public door. Of low priority, and never in the way of a delivery."""

import logging
import queue
import threading
import time
from collections.abc import Iterable

from purger.door import Door
from purger.errors import DatabaseUnavailableError, UnreachableError
from purger.link import Link
from purger.model import Edge, Row, Sighting
from purger.recorder import Recorder

log = logging.getLogger(__name__)

#: Looks that may wait. What does not fit in is not looked at, and the receipt says so.
_WAITING = 5000

#: Images looked at for a ban of an owner.
_IMAGES_OF_AN_OWNER = 3

#: The thread rests this many times as long as it looked: it shares the interpreter with the deliveries.
_REST = 3.0


class Looker(threading.Thread):
    """Looks for banned images at the edges that have acknowledged their purge, and notes what came."""

    def __init__(self, link: Link, door: Door, recorder: Recorder, stop: threading.Event) -> None:
        super().__init__(name="looker")
        self._link = link
        self._door = door
        self._recorder = recorder
        self._halt = stop
        self._waiting: queue.Queue[tuple[Edge, Row]] = queue.Queue(_WAITING)

    def offer(self, edge: Edge, rows: Iterable[Row]) -> None:
        """Look for ``rows`` at ``edge`` when there is time for it. Returns at once."""
        for row in rows:
            try:
                self._waiting.put_nowait((edge, row))
            except queue.Full:
                return

    def run(self) -> None:
        """Look until stopped."""
        while not self._halt.is_set():
            try:
                edge, row = self._waiting.get(timeout=0.5)
            except queue.Empty:
                continue
            began = time.monotonic()
            try:
                self._look(edge, row)
            except DatabaseUnavailableError as error:
                log.debug("not looked: %s", error)  # the watch has said so
            except Exception:
                log.exception("while looking for %s at edge %s", row.subject, edge.name)
            self._halt.wait(min(1.0, _REST * (time.monotonic() - began)))
        self._door.close()
        self._link.close()

    def _look(self, edge: Edge, row: Row) -> None:
        status, served = None, False
        try:
            for code in self._codes(row):
                look = self._door.look(edge.public_url, code, dict(self._link.rows("digests", code=code)))
                if look.served and not self._link.rows("banned", code=code)[0][0]:
                    # A lift in the meantime brings the image back by right: it was not seen gone, nor still there.
                    continue
                served = bool(look.served)
                status = look.status
                if served:
                    self._report(edge, row, code, look.served)
                    break
        except UnreachableError as error:
            log.debug("edge %s: %s", edge.name, error)
            status = None
        if status is not None or served:
            self._recorder.seen(Sighting(edge.name, row.id, at=time.time(), status=status, gone=not served))

    def _codes(self, row: Row) -> list[str]:
        if row.scope == "image":
            return [row.subject]
        return [
            code for (code,) in self._link.rows("images_of", owner=row.subject, after="", limit=_IMAGES_OF_AN_OWNER)
        ]

    def _report(self, edge: Edge, row: Row, code: str, served: tuple[str, ...]) -> None:
        log.error(
            "edge %s still shows banned image %s (%s) after its acknowledgement", edge.name, code, ", ".join(served)
        )
        if row.cause != "resend":
            self._link.run("resend", code=code)

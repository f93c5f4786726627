"""Knows which edges to probe, with their renditions and instances, and probes them: the one loop of all probes.

An edge refuses all renditions but those of its own settings, so it can show no others: its purge listener is asked for
their names, and for the instance. Without an answer the renditions that have rows in the database are requested, and no
answer counts as the edge's.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from purger.edge.ask import ask_edge
from purger.edge.errors import DeliveryError
from purger.fleet.edges import followed_edges
from purger.model import Edge
from purger.probing.probe import ImageFiles, Probe, ProbeAnswer, ProbedUrl, ProbeTarget
from purger.probing.verdict import Verdict
from takedown_db.connection.lasting_connection import Connection

#: Time-out in seconds for the connection, and for the whole request.
_CONNECT_TIMEOUT = 1.0
_READ_TIMEOUT = 3.0

#: Most URLs of a site's own server that are requested of one image.
_URLS = 20

#: Seconds for which an answer is kept, as an edge may load another VCL; and for which a failure is.
_KEPT = 60.0
_KEPT_FAILURE = 5.0


def probe_images(
    connection: Connection,
    probe: Probe,
    targets: Iterable[ProbeTarget],
    codes: Iterable[str],
    *,
    digest: str | None = None,
    rest: Callable[[], object] = lambda: None,
) -> Iterator[tuple[str, list[tuple[ProbeTarget, ProbeAnswer]]]]:
    """Request each image from each edge, and yield it with the answers. Raises ``DatabaseUnavailableError``.

    ``rest`` is called after each request.

    With ``digest``, of what a site's own server shows only what has this content: a purge of it removes no other.

    An edge that cannot be reached is asked for no further image: each request would wait for the same time-out.
    """
    left = list(targets)
    for code in codes:
        files = _files_of(connection, code, digest) if left else ImageFiles({})
        answers = []
        for each in left:
            answers.append((each, probe.request(each, code, files)))
            rest()
        left = [target for target, answer in answers if answer.verdict is not Verdict.UNREACHABLE]
        yield code, answers


def _files_of(connection: Connection, code: str, digest: str | None) -> ImageFiles:
    """Read what edges may show of a banned image. A ban of a site's content does not hide what was imported."""
    digests, urls, original = dict[str, str](), list[ProbedUrl](), None
    for name, found, host, url, content in connection.rows("files_to_probe", code=code, digest=digest, most=_URLS):
        if name is None:
            urls.append(ProbedUrl(host, url, found))
        else:
            digests[name] = found
            original = content if name == "original" else original
    if urls and digest is not None:
        imported = original == digest
    else:
        imported = not urls or (bool(digests) and bool(connection.rows("is_banned", code=code)[0][1]))
    return ImageFiles(digests, urls, imported)


def edges_to_probe(connection: Connection) -> list[Edge]:
    """Read the settings of all enabled edges. Raises ``DatabaseUnavailableError``."""
    return [each.edge for each in followed_edges(connection)]


def ask_target(edge: Edge) -> ProbeTarget:
    """Ask the purge listener of ``edge`` for its renditions besides the original, and for its instance.

    Without the edge's token nobody gets an answer.
    """
    try:
        answer, proof = ask_edge(edge, connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT)
    except DeliveryError as error:
        return ProbeTarget(edge, unknown=f"its purge listener gave no answer ({error})")
    if answer.renditions is None:
        return ProbeTarget(edge, unknown="its purge listener does not name its renditions")
    return ProbeTarget(edge, answer.renditions, proof)


class _Known(NamedTuple):
    """The answer of an edge."""

    until: float  # the moment of the monotonic clock at which it is asked again
    target: ProbeTarget


class KnownTargets:
    """Remembers the answers of edges for a while; for one thread."""

    def __init__(self) -> None:
        self._known: dict[Edge, _Known] = {}

    def of(self, edge: Edge, *, anew: bool = False) -> ProbeTarget:
        """Return the answer of ``ask_target``; it is asked again ``anew``, and when the last answer is old."""
        now = time.monotonic()
        self._known = {each: known for each, known in self._known.items() if now < known.until}
        if anew or edge not in self._known:
            target = ask_target(edge)
            self._known[edge] = _Known(now + (_KEPT if target.proof else _KEPT_FAILURE), target)
        return self._known[edge].target

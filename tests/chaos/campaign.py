"""Run rounds in which clients read, moderators moderate and one fault happens, and judge all reads."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random

from tests.chaos.faults import Fault, Scene
from tests.chaos.faults.no_fault import NOTHING
from tests.chaos.history import History, Other, Read, Stall, Window, clock
from tests.chaos.judging.judge import Judge, Limits, Violation, starving
from tests.chaos.judging.receipt_checks import contradictions, read_gone, receipt_violations
from tests.chaos.judging.trust_watch import TrustWatch, long_fail_safe
from tests.chaos.people.moderator import Moderator
from tests.chaos.people.moderator_group import ModeratorGroup
from tests.chaos.people.readers import Reader
from tests.chaos.people.site_moderator import SiteModerator
from tests.chaos.pictures.distinct_images import RENDITIONS, Version
from tests.chaos.pictures.gallery import Gallery
from tests.chaos.pictures.site_pictures import PREFIX
from tests.chaos.system.system_with_proxies import System

#: Last characters of codes, by which the fence groups them.
ENDINGS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

#: Number of owners, and of images of each.
_OWNERS, _IMAGES = 6, 6

#: Number of pictures on the site's own server.
_SITE_PICTURES = 12

#: Number of clients of each edge, and reads a second of each.
_READERS, _READS = 3, 30.0

#: Number of moderators, and actions a second of each.
_MODERATORS, _ACTIONS = 2, 4.0

#: Most times that an image is asked for at the end.
_FINAL_READS = 5

#: Seconds without a fault after each fault.
_CALM = 2.0


@dataclass
class Outcome:
    """The figures and violations of one round."""

    fault: str
    seconds: float
    reads: int
    refused: int
    changes: int
    delay: float  # longest time, in seconds, for which a state was shown after the commit that ended it
    violations: list[Violation]
    history: list[Read]


class Campaign:
    """All clients, moderators and faults of one system, driven by one seed."""

    def __init__(self, system: System, seed: int, *, limits: Limits | None = None) -> None:
        """Add the images."""
        self.system = system
        self._limits = limits or Limits()
        self.history = History()
        self._random = Random(f"{seed} faults")
        self._hot = hot = deque[str](maxlen=8)
        galleries = [self._new_gallery(range(n, _OWNERS, _MODERATORS)) for n in range(_MODERATORS)]
        codes = [code for gallery in galleries for code in gallery.versions]
        common = (hot, system.catalogue, self.history)
        self._moderators = [
            Moderator(system.database, gallery, *common, Random(f"{seed} moderator {n}"), _ACTIONS)
            for n, gallery in enumerate(galleries)
        ]
        site = SiteModerator(
            *(system.site_pictures, system.edges),
            *(system.database, self._new_site_gallery(), *common, Random(f"{seed} site"), _ACTIONS),
        )
        everything = codes + list(site.gallery.versions)
        self._readers = [
            Reader(edge, everything, *common, Random(f"{seed} {edge.edge_name} {n}"), _READS)
            for edge in system.edges
            for n in range(_READERS)
        ]
        self._trust = TrustWatch(system.edges)
        self._people: list[Reader | Moderator | TrustWatch] = [*self._moderators, site, *self._readers, self._trust]
        self._codes = codes
        self._everything = everything
        self._moderation = ModeratorGroup(self._moderators, site, system, self.history)

    def _new_gallery(self, owners: Iterable[int]) -> Gallery:
        """Add the images of some owners, the gallery of one moderator."""
        versions: dict[str, Version] = {}
        owner_of: dict[str, str] = {}
        for number in owners:
            added = self._add_owner(number)
            versions |= added
            owner_of |= dict.fromkeys(added, f"owner-{number}")
        return Gallery(owner_of, versions)

    def _new_site_gallery(self) -> Gallery:
        """Put pictures on the site's own server."""
        codes = [f"{PREFIX}{index}-{ENDINGS[-1 - index]}" for index in range(_SITE_PICTURES)]
        begun = self.history.begin(dict.fromkeys(codes, 1))
        versions = {code: self.system.site_pictures.renew(code) for code in codes}
        self.history.finish(begun, committed=True)
        return Gallery(dict.fromkeys(codes, "site"), versions)

    def _add_owner(self, number: int) -> dict[str, Version]:
        codes = [
            f"image-{number}-{index}-{ENDINGS[(number * _IMAGES + index) % len(ENDINGS)]}" for index in range(_IMAGES)
        ]
        begun = self.history.begin(dict.fromkeys(codes, 1))
        added = self.system.add_images(f"owner-{number}", codes)
        self.history.finish(begun, committed=True)
        return added

    def run(self, faults: Sequence[Fault], seconds: float, report: Callable[[Outcome], None]) -> list[Outcome]:
        """Run rounds for so many seconds, at least one for each fault, then check that no change was lost.

        The seed gives the order of the faults, and another one for each repetition. ``report`` gets each outcome.
        """
        outcomes = []

        def tell(outcome: Outcome) -> None:
            report(outcome)
            outcomes.append(replace(outcome, history=[]))  # the reads of an hour would not fit into memory

        self.system.settle()
        until = clock() + seconds
        with self._everybody_at_work():
            self.system.pause(_CALM)  # until the origin has seen most of the site's pictures
            todo: list[Fault] = []
            first = len(faults)
            while first > 0 or clock() < until:
                todo = todo or self._random.sample(list(faults), len(faults))
                tell(self._round(todo.pop()))
                first -= 1
        tell(self._end())
        return outcomes

    @contextmanager
    def _everybody_at_work(self) -> Iterator[None]:
        ended = threading.Event()
        threads = [*self._people, threading.Thread(target=self._watch_clock, args=(ended,))]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for person in self._people:
                person.stop()
            for thread in threads:
                thread.join(60)

    def _watch_clock(self, ended: threading.Event) -> None:
        """Record the times in which the machine did not run this process, and so probably no other one."""
        last = clock()
        while not ended.wait(0.02):
            now = clock()
            if now - last > 0.1:
                self.history.stalls.append(Stall(last, now))
            last = now

    def _round(self, fault: Fault) -> Outcome:
        edge = self._random.choice(self.system.edges)
        start = clock()
        lost: list[Violation] = []
        try:
            fault.action(Scene(self.system, edge, self._random, self._moderation, self._codes, self._hot))
            self.system.settle()
        except TimeoutError as error:
            lost.append(Violation("lost", edge.name, f"after the fault: {error}"))
        if fault.name != NOTHING:
            bound = (self.system.bound if fault.loosens else self._limits.bound) + fault.extra
            edges = None if fault.everywhere else frozenset({edge.edge_name})
            self.history.windows.append(Window(fault.name, start, clock(), bound, edges, fault.revives))
        self.system.pause(_CALM)
        self._check_all_live()
        reads = self.history.take_reads()
        outcome = self._judged(fault.name, start, reads)
        names = [each.edge_name for each in self.system.edges]
        fail_safe = self._trust.take()
        if fault.fail_safe is not None:
            lost += long_fail_safe(fail_safe, self.history.stalls, fault.fail_safe)
        lost += starving(reads, self.history.windows, self.history.stalls, names, start, clock(), self._limits)
        return replace(outcome, violations=outcome.violations + lost, history=reads)

    def _check_all_live(self) -> None:
        """Raise ``RuntimeError`` or ``ServerFailedError`` when a thread or a server has ended by itself."""
        for server in self.system.servers:
            server.check()
        for person in self._people:
            if not person.is_alive():
                raise RuntimeError(f"{person.name} has ended by itself; see above")

    def _judged(self, name: str, start: float, reads: list[Read]) -> Outcome:
        end = clock()
        changes = self.history.copy_changes()
        judge = Judge(changes, self.history.windows, self.history.stalls, self._limits.bound)
        verdicts = [judge.judge(read) for read in reads]
        return Outcome(
            fault=name,
            seconds=end - start,
            reads=len(reads),
            refused=sum(read.saw in (Other.REFUSED, Other.FAILED) for read in reads),
            changes=sum(start <= change.sent < end for each in changes.values() for change in each),
            delay=max((verdict.delay for verdict in verdicts), default=0.0),
            violations=[
                *(verdict.violation for verdict in verdicts if verdict.violation),
                *contradictions(read_gone(self.system), reads, self.history),
            ],
            history=reads,
        )

    def _end(self) -> Outcome:
        """Check, once all is quiet, that each edge shows each image as in the database, and that all receipts exist."""
        start = clock()
        lost: list[Violation] = []
        try:
            self.system.settle()
        except TimeoutError as error:
            lost.append(Violation("lost", "every edge", f"at the end: {error}"))
        self.system.pause(self._limits.bound + 0.5)
        final = [
            self._final_read(reader, code, rendition)
            for reader in self._readers[::_READERS]
            for code in self._everything
            for rendition in RENDITIONS
        ]
        lost += [
            Violation("lost", read.edge, f"{read.saw.value} although all is well", read)
            for read in final
            if isinstance(read.saw, Other)
        ]
        outcome = self._judged("the end", start, self.history.take_reads())
        return replace(outcome, violations=outcome.violations + lost + receipt_violations(self.system))

    def _final_read(self, reader: Reader, code: str, rendition: str) -> Read:
        """Read until something is shown, a few times: a lookup may come too late on a busy machine."""
        for _ in range(_FINAL_READS - 1):
            read = reader.read(code, rendition)
            if read.saw not in (Other.REFUSED, Other.FAILED):
                return read
            self.system.pause(1.0)  # after a time-out the origin asks no database for a second
        return reader.read(code, rendition)

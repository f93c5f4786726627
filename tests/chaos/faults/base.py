"""Define faults, their table, and actions that many of them share."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from stack.edges.edge import Edge
from tests.chaos.people.moderator_group import ModeratorGroup
from tests.chaos.system.system_with_proxies import System
from tests.support.faulty_proxy import Direction


@dataclass(frozen=True)
class Scene:
    """The place of a fault: the system, one of its edges, and the campaign's random numbers and moderators."""

    system: System
    edge: Edge
    random: Random
    moderation: ModeratorGroup
    codes: Sequence[str]
    hot: deque[str]  # codes that were changed last; moderators and clients choose these more often than others

    def while_broken(self) -> None:
        """Wait, mostly for longer than the bound, so that a cache that is wrongly trusted shows; else for a moment."""
        long = self.random.random() < 0.75
        self.pause(*((self.system.bound + 0.5, self.system.bound + 2) if long else (0.2, 1.5)))

    def empty_caches(self) -> None:
        """Remove all objects from all edges."""
        for edge in self.system.edges:
            edge.ask("BAN", takedown_all="1")

    def pause(self, shortest: float, longest: float) -> None:
        """Wait for a random time between two bounds, in seconds."""
        self.system.pause(self.random.uniform(shortest, longest))


Action = Callable[[Scene], None]


@dataclass(frozen=True)
class Fault:
    """A named fault, and the promises that it may loosen."""

    name: str
    action: Action  # breaks something, waits, and mends it
    loosens: bool  # takedowns may take lease + fail-safe TTL; otherwise they take as long as without a fault
    everywhere: bool  # affects every edge, not only that of the scene
    extra: float  # seconds that a takedown may take longer than that
    revives: bool  # a banned image may come back after it was gone, for no longer than the bound
    needs_store: bool = False  # breaks an object store, and is left out where the system has none
    engines: frozenset[str] = frozenset()  # breaks nodes of a cluster, and is left out on other engines than these
    needs_purgers: bool = False  # breaks one of several purgers, and is left out where the system has one
    fail_safe: float | None = None  # most seconds that an edge may be in fail-safe mode; None: any number


FAULTS: dict[str, Fault] = {}


def fault(
    name: str,
    *,
    loosens: bool = True,
    everywhere: bool = True,
    extra: float = 0.0,
    revives: bool = False,
    needs_store: bool = False,
    engines: frozenset[str] = frozenset(),
    needs_purgers: bool = False,
    fail_safe: float | None = None,
) -> Callable[[Action], Action]:
    """Enter the decorated action into the table of faults."""

    def enter(action: Action) -> Action:
        FAULTS[name] = Fault(
            *(name, action, loosens, everywhere, extra, revives),
            needs_store=needs_store,
            engines=engines,
            needs_purgers=needs_purgers,
            fail_safe=fail_safe,
        )
        return action

    return enter


@contextmanager
def mended(*directions: Direction) -> Iterator[None]:
    """Mend these directions of a proxy at the end of the block."""
    try:
        yield
    finally:
        for direction in directions:
            direction.mend()

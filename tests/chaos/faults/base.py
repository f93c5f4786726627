"""What a fault is, and what many of them do."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from stack.edge import Edge
from tests.chaos.moderator_group import ModeratorGroup
from tests.chaos.system import System
from tests.support.faulty_proxy import Direction


@dataclass(frozen=True)
class Scene:
    """Where a fault takes place: the system, one of its edges, and the campaign's randomness and moderators."""

    system: System
    edge: Edge
    random: Random
    moderation: ModeratorGroup
    codes: Sequence[str]
    hot: deque[str]  # what moderators changed last; they and clients turn to these more often than to others

    def while_broken(self) -> None:
        """Let time pass: mostly longer than the bound, so that a cache wrongly trusted shows; else a hiccup."""
        long = self.random.random() < 0.75
        self.pause(*((self.system.bound + 0.5, self.system.bound + 2) if long else (0.2, 1.5)))

    def pause(self, shortest: float, longest: float) -> None:
        """Let some time pass, in seconds."""
        self.system.pause(self.random.uniform(shortest, longest))


Action = Callable[[Scene], None]


@dataclass(frozen=True)
class Fault:
    """A named fault and what it may do to the promises."""

    name: str
    action: Action  # breaks something, lets time pass, and leaves it mended
    loosens: bool  # takedowns may take lease + fail-safe TTL; otherwise they are as fast as ever
    everywhere: bool  # felt at every edge, and not only at the scene's
    extra: float  # seconds that a takedown may take longer than that
    revives: bool  # an image may come back, for no longer than that, after it was seen gone


FAULTS: dict[str, Fault] = {}


def fault(
    name: str,
    *,
    loosens: bool = True,
    everywhere: bool = True,
    extra: float = 0.0,
    revives: bool = False,
) -> Callable[[Action], Action]:
    """Enter an action into the table of faults."""

    def enter(action: Action) -> Action:
        FAULTS[name] = Fault(name, action, loosens, everywhere, extra, revives)
        return action

    return enter


@contextmanager
def mended(*ways: Direction) -> Iterator[None]:
    """Whatever is done to these ways of a proxy is over at the end."""
    try:
        yield
    finally:
        for way in ways:
            way.mend()

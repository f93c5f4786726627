"""Define the checks of the suite: their registry, the errors that end one, and the results."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.bench import Bench


class Verdict(StrEnum):
    """The outcome of a check."""

    PASS = "pass"
    FAIL = "fail"
    NOT_OFFERED = "not offered"


class Phase(StrEnum):
    """The part of a run in which a check has its turn."""

    #: Side by side with others, while the lease is renewed.
    SHARED = "shared"
    #: One by one, while the lease is renewed: it moves the position, or empties the cache.
    ALONE = "alone"
    #: One by one, while nothing else renews the lease.
    HEARTBEAT = "heartbeat"
    #: Side by side, while the lease runs out.
    EXPIRY = "expiry"


class CheckFailedError(Exception):
    """The cache does not do what the protocol says. The message is the sentence of what was seen."""


class NotOfferedError(Exception):
    """The cache refuses the method, or lacks the header, that the check is about."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check: a name, its phase, and the function that returns what it saw."""

    name: str
    phase: Phase
    run: "Callable[[Bench], str]"
    needs_site: bool = False  # it is left out for a cache without a site's own server


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a check, with one sentence of what was seen."""

    check: str
    verdict: Verdict
    seen: str
    seconds: float


REGISTERED: list[Check] = []


def check(
    name: str, phase: Phase = Phase.SHARED, *, needs_site: bool = False
) -> "Callable[[Callable[[Bench], str]], Callable[[Bench], str]]":
    """Register a function as a check under this name."""

    def register(run: "Callable[[Bench], str]") -> "Callable[[Bench], str]":
        REGISTERED.append(Check(name, phase, run, needs_site))
        return run

    return register


def require(condition: object, otherwise: str) -> None:
    """Fail the check with a sentence unless the condition holds."""
    if not condition:
        raise CheckFailedError(otherwise)

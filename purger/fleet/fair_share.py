"""Decides which purger follows which edge, so that each has about as many. Pure: no clock, network or database.

Every purger computes the same moves from the same claims, and carries out those that lead to itself.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

#: Most edges that are taken over at once from purgers that are present: each costs a dozen requests at once.
AT_ONCE = 50


class Move(NamedTuple):
    """An edge that another purger is to claim; ``former`` is its purger until now, None if it has none."""

    edge: str
    former: str | None


def moves_to(
    purger: str, claims: Mapping[str, str | None], present: Collection[str], *, steady: bool = True
) -> list[Move]:
    """Choose the edges that ``purger`` is to claim, by name; ``claims`` has each enabled edge with its purger.

    Edges without a purger, or of one that is not ``present``, go to the purger with the fewest. Then edges move from
    the purger with the most to the one with the fewest until they differ by at most one. A purger that is not
    ``steady`` takes none from those that are present: one that dies again and again would move edges all the time.
    """
    following: dict[str, list[str]] = {each: [] for each in sorted(present)}
    free: list[str] = []
    for edge, owner in sorted(claims.items()):
        following.get(str(owner), free).append(edge)
    taken: list[str] = []
    for edge in free:
        poorest = _fewest(following)
        following[poorest].append(edge)
        if poorest == purger:
            taken.append(edge)
    given: list[str] = []
    while following and len(following[richest := _most(following)]) - len(following[poorest := _fewest(following)]) > 1:
        following[poorest].append(edge := following[richest].pop())
        if poorest == purger:
            given.append(edge)
    return sorted(Move(edge, claims[edge]) for edge in [*taken, *(given[:AT_ONCE] if steady else [])])


def _fewest(following: Mapping[str, list[str]]) -> str:
    return min(following, key=lambda each: (len(following[each]), each))


def _most(following: Mapping[str, list[str]]) -> str:
    return max(following, key=lambda each: (len(following[each]), each))

"""Runs contenders in turn, round after round, so that the noise of a shared machine hits all of them alike."""

from collections.abc import Callable, Mapping

from bench.results import Comparison

Contender = Callable[[], Mapping[str, float]]


def compare(title: str, contenders: Mapping[str, Contender], rounds: int, warm_up: int = 1) -> Comparison:
    """Run each contender once a round, and return its figures. The reference is named first.

    The name of a figure ends with its unit. The figures of the first ``warm_up`` rounds are dropped.
    """
    seen: dict[str, dict[str, list[float]]] = {name: {} for name in contenders}
    for round_number in range(warm_up + rounds):
        for name, contender in contenders.items():
            for figure, value in contender().items():
                if round_number >= warm_up:
                    seen[name].setdefault(figure, []).append(value)
    return Comparison(title, seen)

"""Run contenders in turn, round after round, so that the noise of a shared machine hits all of them alike."""

from collections.abc import Callable, Mapping
from statistics import median

from rich.console import Console
from rich.table import Table

Contender = Callable[[], Mapping[str, float]]


def compare(title: str, contenders: Mapping[str, Contender], rounds: int, warm_up: int = 1) -> None:
    """Run each contender once a round and print, for each figure, median, spread and the ratio to the first.

    The ratio is the median over the rounds of the ratios within a round.
    """
    seen: dict[str, list[Mapping[str, float]]] = {name: [] for name in contenders}
    for round_number in range(warm_up + rounds):
        for name, contender in contenders.items():
            figures = contender()
            if round_number >= warm_up:
                seen[name].append(figures)

    reference = next(iter(contenders))
    table = Table("", "figure", "median", "min", "max", f"ratio to {reference}", title=f"{title} ({rounds} rounds)")
    for name, measured in seen.items():
        for figure in measured[0]:
            values = [row[figure] for row in measured]
            ratio = ""
            if name != reference and figure in seen[reference][0]:
                pairs = zip(values, (row[figure] for row in seen[reference]), strict=True)
                ratio = f"{median(mine / theirs for mine, theirs in pairs):.3f}"
            table.add_row(
                name, figure, *(f"{value:.4g}" for value in (median(values), min(values), max(values))), ratio
            )
    Console(width=120).print(table)

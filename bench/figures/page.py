"""Write the figures of docs/performance into docs/reference/performance.md: ``python -m bench.figures.page``."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from bench.figures.report import BenchReport
from bench.figures.results import Comparison, Distribution, Result, Table, spread
from bench.figures.targets import TARGETS, row


def rewrite(page: Path, directory: Path) -> None:
    """Write all figures in a directory into a page. Raises ``ValueError`` when it lacks a mark."""
    reports = {report.benchmark: report for report in map(BenchReport.read, sorted(directory.glob("*.json")))}
    text = page.read_text()
    for name, new in {"targets": _targets(reports), "figures": _figures(reports)}.items():
        before, start, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            raise ValueError(f"{page} lacks <!-- {name} --> with <!-- end --> after it")
        text = f"{before}{start}\n{new}\n\n{end}{after}"
    page.write_text(text)


def _targets(reports: Mapping[str, BenchReport]) -> str:
    columns = ("target", "beside", "wanted", "last run (its rounds)", "other runs", "its peers in the last run")
    return _markdown(Table(columns, [row(target, reports) for target in TARGETS]))


def _figures(reports: Mapping[str, BenchReport]) -> str:
    machines = sorted({_machine(report) for report in reports.values()})
    return "\n\n".join([*(f"{machine}." for machine in machines), *map(_figures_of, reports.values())])


def _machine(report: BenchReport) -> str:
    machine = report.machine
    versions = ", ".join(f"{name} {number}" for name, number in report.versions.items() if name != "commit")
    return f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB; {versions}"


def _figures_of(report: BenchReport) -> str:
    began = f"{report.began[:16].replace('T', ' ')} UTC, {report.rounds} rounds, {report.seconds:.0f} s"
    busy = f"{report.machine['busy_percent']:.0f} % busy before; commit {report.versions.get('commit', 'unknown')}"
    parts = [f"### {report.benchmark}", f"{began}, {busy}."]
    for result in report.results:
        parts += [f"**{result.title}**", *_picture(result), _markdown(_summary(result))]
    return "\n\n".join(parts)


def _picture(result: Result) -> Iterator[str]:
    """Draw the way of a takedown: the median of each step but their sum."""
    if isinstance(result, Distribution) and result.title.endswith("by step"):
        *steps, _ = result.samples.items()
        names = ", ".join(f'"{name}"' for name, _ in steps)
        bars = ", ".join(f"{median(samples):.2f}" for _, samples in steps)
        axes = f'    x-axis [{names}]\n    y-axis "{result.unit}, median"\n    bar [{bars}]'
        yield f"```mermaid\nxychart-beta horizontal\n{axes}\n```"


def _summary(result: Result) -> Table:
    """Return the table of a result; of a comparison medians and spreads, with a row for each contender."""
    if not isinstance(result, Comparison):
        return result.table()
    figures = list(dict.fromkeys(figure for measured in result.figures.values() for figure in measured))
    rows = [
        [name, *(spread(measured[figure]) if figure in measured else "" for figure in figures)]
        for name, measured in result.figures.items()
    ]
    return Table(("", *figures), rows)


def _markdown(table: Table) -> str:
    lines = [table.columns, ["---"] * len(table.columns), *table.rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    rewrite(Path("docs/reference/performance.md"), Path("docs/performance"))

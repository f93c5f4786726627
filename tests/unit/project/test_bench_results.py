"""Summarise the results of benchmarks, write and read them, and write a page of them."""

from pathlib import Path

import pytest

from bench.figures.page import rewrite
from bench.figures.report import BenchReport
from bench.figures.results import Comparison, Distribution, Result, compare, percentile, spread
from bench.figures.targets import BenchTarget, row, seen

COMPARISON = Comparison(
    "hits, 20 KB",
    {
        "stock": {"requests/s": [100.0, 200.0, 400.0]},
        "ours": {"requests/s": [90.0, 220.0, 360.0], "CPU us/request": [7.0, 8.0, 9.0]},
    },
)
DISTRIBUTION = Distribution("commit to gone", "ms", {"ours": [float(number) for number in range(101)]})
STEPS = Distribution("by step", "ms", {"found": [1.0, 2.0, 9.0], "sent": [0.5, 0.5, 0.1], "all steps": [1.5, 2.5, 9.1]})
ALL: list[Result] = [COMPARISON, DISTRIBUTION, STEPS]
PAGE = "# Speed\n<!-- targets -->\nold\n<!-- end -->\nprose\n<!-- figures -->\n<!-- end -->\nend\n"


def report(results: list[Result], *, idle: bool = True) -> BenchReport:
    machine = {"processor": "P", "cores": 2, "memory_gb": 8.0, "kernel": "6", "busy_percent": 1.0, "idle": idle}
    return BenchReport("edge", "2026-11-26T09:00:00+00:00", 12.5, 3, machine, {"python": "3.11"}, results)


def test_contenders_run_in_turn_and_warming_up_counts_for_nothing() -> None:
    calls: list[str] = []

    def contender(name: str) -> dict[str, float]:
        calls.append(name)
        return {"count": float(len(calls))}

    found = compare("turns", {name: lambda name=name: contender(name) for name in "ab"}, rounds=2)  # type: ignore[misc]
    assert calls == ["a", "b"] * 3
    assert found.figures == {"a": {"count": [3.0, 5.0]}, "b": {"count": [4.0, 6.0]}}


def test_the_ratio_is_the_median_of_those_of_the_rounds() -> None:
    assert COMPARISON.ratios("ours", "requests/s") == pytest.approx([0.9, 1.1, 0.9])
    assert COMPARISON.table().rows[1][-1] == "0.900"
    assert not COMPARISON.ratios("ours", "CPU us/request")
    assert not COMPARISON.ratios("stock", "requests/s")


def test_each_table_has_the_99th_percentile_and_the_maximum() -> None:
    assert DISTRIBUTION.table().columns == ("", "samples", "p50, ms", "p90", "p99", "max")
    assert DISTRIBUTION.table().rows == [["ours", "101", "50", "90", "99", "100"]]
    assert (spread([1.0, 3.0, 2.0]), spread([5.0])) == ("2 (1 to 3)", "5")
    assert percentile([5.0], 99) == 5.0


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = report(ALL)
    written.write(tmp_path)
    read = BenchReport.read(tmp_path / "edge.json")
    assert [each.table() for each in read.results] == [each.table() for each in ALL]
    assert (read.machine, read.rounds, read.seconds) == (written.machine, 3, 12.5)


def test_a_file_that_is_no_report_is_named(tmp_path: Path) -> None:
    (tmp_path / "edge.json").write_text('{"results": [{"kind": "poem"}]}')
    with pytest.raises(ValueError, match=r"edge\.json is no report"):
        BenchReport.read(tmp_path / "edge.json")


def target(**values: object) -> BenchTarget:
    named = {"what": "hits", "beside": "stock", "benchmark": "edge", "title": "hits, 20 KB", "contender": "ours"}
    return BenchTarget(**{**named, "figure": "requests/s", **values})  # type: ignore[arg-type]


def test_targets_find_figures_ratios_and_percentiles() -> None:
    of_all = report(ALL)
    assert seen(target(), of_all) == [90.0, 220.0, 360.0]
    assert seen(target(ratio=True), of_all) == pytest.approx([0.9, 1.1, 0.9])
    for figure, value in {"p50": 50.0, "p99": 99.0, "max": 100.0}.items():
        assert seen(target(title="commit to gone", figure=figure), of_all) == [value]
    for absent in ({"title": "none"}, {"contender": "none"}, {"figure": "none"}, {"contender": "none", "ratio": True}):
        assert not seen(target(**absent), of_all), absent


def test_a_target_is_shown_with_its_spread_other_runs_and_the_machine() -> None:
    reports = {"edge": report(ALL)}
    assert row(target(at_least=200.0), reports)[2:] == ["at least 200", "220 (90 to 360)", "", ""]
    assert row(target(at_least=300.0, other_runs="180 to 260"), reports)[3:5] == ["220 (90 to 360)", "180 to 260"]
    row_of_ratio = row(target(at_most=0.5, ratio=True), reports)
    assert row_of_ratio[2:] == ["at most 0.5 times", "0.9 (0.9 to 1.1)", "", ""]
    assert row(target(), reports)[2:] == ["", "220 (90 to 360)", "", ""]
    assert row(target(at_most=1.0, other_runs="1 to 2"), {})[3:] == ["not measured yet", "1 to 2", ""]
    assert row(target(title="none", at_most=1.0), reports)[3:] == ["not seen in the run", "", ""]
    busy = {"edge": report(ALL, idle=False)}
    assert row(target(at_least=200.0), busy)[3] == "220 (90 to 360); on a busy machine"
    assert row(target(at_least=0.5, ratio=True), busy)[3] == "0.9 (0.9 to 1.1)"


def test_a_target_is_shown_with_the_figures_of_its_peers() -> None:
    reports = {"edge": report(ALL)}
    assert row(target(at_least=200.0, peers=["stock", "none"]), reports)[5] == "stock: 200 (100 to 400)"
    assert row(target(at_least=0.5, ratio=True, peers=["stock", "ours"]), reports)[5] == "ours: 0.9 (0.9 to 1.1)"


def test_a_page_gets_all_figures_between_its_marks_and_keeps_its_prose(tmp_path: Path) -> None:
    figures, page = tmp_path / "figures", tmp_path / "page.md"
    figures.mkdir()
    page.write_text(PAGE)
    report(ALL).write(figures)
    for _ in range(2):  # again is the same
        rewrite(page, figures)
        text = page.read_text()
        assert text.startswith("# Speed\n<!-- targets -->\n\n| target |")
        assert "\nprose\n" in text
        assert "old" not in text
        assert text.count("| ours | 101 | 50 | 90 | 99 | 100 |") == 1
        assert text.count("| stock | 200 (100 to 400) |  |\n| ours | 220 (90 to 360) | 8 (7 to 9) |") == 1
        assert text.count('    x-axis ["found", "sent"]\n    y-axis "ms, median"\n    bar [2.00, 0.50]\n') == 1
    page.write_text("# Speed\n")
    with pytest.raises(ValueError, match=r"page\.md lacks <!-- targets -->"):
        rewrite(page, figures)

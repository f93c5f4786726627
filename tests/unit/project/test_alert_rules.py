"""Run the tests of the alert rules, and compare rules and dashboard with the page on metrics."""

import json
import re
import subprocess

from tests.support.pages.markdown_pages import ROOT, rows, section

RULES = ROOT / "deploy" / "prometheus"
PAGE = ROOT / "docs/operate/metrics.md"


def promtool(*arguments: str) -> str:
    result = subprocess.run(["promtool", *arguments], cwd=RULES, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def described() -> list[list[str]]:
    """Return the rows of metrics of the page."""
    return rows(section(PAGE, "Metrics of a purger") + section(PAGE, "Metrics of an origin"))


def test_the_rules_are_well_formed_and_pass_their_tests() -> None:
    assert "rules found" in promtool("check", "rules", "alerts.yml")
    assert "valid" in promtool("check", "config", "scrape.yml")
    promtool("test", "rules", "alerts_test.yml")


def test_every_alert_has_a_test_and_stands_on_the_page_with_its_severity() -> None:
    text = (RULES / "alerts.yml").read_text()
    alerts = dict(re.findall(r"- alert: (\w+)\n.*?severity: (\w+)", text, re.DOTALL))
    tested = set(re.findall(r"alertname: (\w+)", (RULES / "alerts_test.yml").read_text()))
    assert len(alerts) > 8
    assert alerts.keys() == tested
    said = {row[0].strip("`"): row[1] for row in rows(section(PAGE, "Alerts")) if row[0].startswith("`")}
    assert said == alerts


def test_rules_and_dashboard_use_only_metrics_that_exist() -> None:
    names = {row[0].strip("`") for row in described()}
    names |= {f"{name}_{part}" for name in names if name.endswith("_seconds") for part in ("bucket", "sum", "count")}
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "edge-takedown.json").read_text())
    used = (RULES / "alerts.yml").read_text() + json.dumps(dashboard)
    assert set(re.findall(r"\btakedown_[a-z_]+\b", used)) - names == set()


def test_the_dashboard_has_one_place_for_each_panel() -> None:
    panels = json.loads((ROOT / "deploy" / "grafana" / "edge-takedown.json").read_text())["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)

"""Run a Prometheus on loopback, in a directory of its own, that scrapes a stack."""

import json
from pathlib import Path
from typing import Any

import requests

from stack.processes.ports import free_port
from stack.processes.server import Server
from stack.processes.waiting import wait_until
from tests.support.pages.markdown_pages import ROOT

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"


class Prometheus(Server):
    """A Prometheus that scrapes each target, by job, once a second, and judges the alerts of this project."""

    def __init__(self, directory: Path, targets: dict[str, list[str]]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        directory.mkdir(parents=True)
        jobs = [{"job_name": job, "static_configs": [{"targets": each}]} for job, each in targets.items()]
        settings = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "500ms"},
            "rule_files": [str(ALERTS)],
            "scrape_configs": jobs,
        }
        (directory / "prometheus.yml").write_text(json.dumps(settings))  # JSON is YAML
        super().__init__(
            "prometheus",
            directory,
            [
                "prometheus",
                f"--config.file={directory}/prometheus.yml",
                f"--storage.tsdb.path={directory}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            ports=[port],
        )

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an expression as of now. Raises ``AssertionError`` for one that is refused."""

        def asked() -> requests.Response | None:
            found = requests.get(f"{self.url}/api/v1/query", {"query": expression}, timeout=10)
            return None if found.status_code == requests.codes.unavailable else found  # it listens before it is ready

        answer = wait_until(asked, "an answer of Prometheus").json()
        assert answer["status"] == "success", answer
        series: list[dict[str, Any]] = answer["data"]["result"]
        return series

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire or are about to."""
        return {each["metric"]["alertname"] for each in self.query("ALERTS")}

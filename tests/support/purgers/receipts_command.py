"""Run ``purger receipts`` about a site's images, and read its report."""

import json
from typing import Any

from click.testing import CliRunner

from purger.cli.main import cli
from stack.processes.waiting import wait_until
from tests.support.sites.site_actions import Site

PROVEN = {"edge1": "gone", "edge2": "gone"}


def ask(site: Site, *arguments: str) -> tuple[int, str]:
    """Run ``purger receipts``. Returns exit code and output."""
    result = CliRunner().invoke(cli, ["receipts", *arguments, "--database-url", site.stack.database.url("purger")])
    assert result.stderr == ""
    return result.exit_code, result.stdout


def receipts(site: Site, *arguments: str) -> dict[str, Any]:
    code, out = ask(site, *arguments, "--json")
    found: dict[str, Any] = json.loads(out)
    assert found["exit_code"] == code
    return found


def outcomes(site: Site, *arguments: str) -> dict[str, str]:
    """Return the outcome of the last ban at each edge."""
    return {each["edge"]: each["outcome"] for each in receipts(site, *arguments)["bans"][-1]["edges"]}


def wait_proven(site: Site, *arguments: str) -> dict[str, Any]:
    """Wait until the last ban is proven at every edge. Returns its receipts by edge."""
    wait_until(lambda: outcomes(site, *arguments) == PROVEN or None, f"receipts {arguments} with gone at every edge")
    found = receipts(site, *arguments)
    assert found["exit_code"] == 0
    return {each["edge"]: each["receipt"] for each in found["bans"][-1]["edges"]}


def wait_probed_again(site: Site, code: str, edge: str = "third") -> None:
    """Wait until an edge was probed after the purge was sent again.

    A probe that began before the edge is repaired could otherwise be on record after one of the repaired edge.
    """
    looked = f"""SELECT COUNT(*) FROM invalidations JOIN (
        SELECT edge, invalidation, status FROM sightings
        UNION ALL SELECT edge, invalidation, status FROM probe_remarks
        ) AS looked ON looked.invalidation = invalidations.id
        WHERE subject = '{code}' AND cause = 'resend' AND edge = '{edge}' AND status IS NOT NULL"""
    wait_until(lambda: site.number(looked) > 0, "a probe after the second purge")


def banned_image(site: Site) -> str:
    """Ban a new image that every edge has cached, and wait for its receipts. Returns its code."""
    code = site.new_image()
    for edge in site.stack.edges:
        site.wait_served(code, edge)
    site.ban(code)
    wait_proven(site, code)
    return code

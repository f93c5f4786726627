"""Holds the keys of the JSON that the purger's commands print: programs of operators read them."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from purger.cli.status_json import status_report
from purger.health import EdgeState, FleetState, Problem
from purger.model import Present
from takedown_db.json_output import print_json

TIME = datetime(2026, 11, 25, 1, 2, 3, 456000)

STATUS = {
    "": "ok problems purgers database edges disabled_edges",
    "problems": "what do",
    "purgers": "host pid version since seen_at age alive",
    "database": "server adopted pending stuck head numbered_at pruned missing_triggers weakened_triggers unnumberable "
    "counter_locked migration_lock",
    "edges": "name purge_url public_url mode instance acknowledged lag waits heartbeat_age seen_at epoch problem",
}


def printed(report: object, capsys: pytest.CaptureFixture[str]) -> Any:
    print_json(report)
    return json.loads(capsys.readouterr().out)


def keys(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the keys of each object by its path. Of a list the first object stands for all."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        yield path, " ".join(value)
        for key, part in value.items():
            yield from keys(part, f"{path}.{key}".lstrip("."))


def test_the_keys_of_the_status(capsys: pytest.CaptureFixture[str]) -> None:
    state = FleetState(
        purgers=(Present("host", 17, "0.2", TIME, TIME, 0.4),), edges=(EdgeState(name="paris", epoch=TIME),)
    )
    report = printed(status_report(state, [Problem("this", "that")]), capsys)
    assert dict(keys(report)) == STATUS
    assert report["purgers"][0]["seen_at"] == report["edges"][0]["epoch"] == "2026-11-25T01:02:03.456Z"


def test_of_a_database_that_cannot_be_used_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    report = printed(status_report(FleetState(unusable="2002: no"), []), capsys)
    assert (report["database"], report["edges"], report["ok"]) == (None, [], True)

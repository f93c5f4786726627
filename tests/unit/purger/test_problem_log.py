"""Log a lasting problem once: when it begins, changes and ends."""

import logging

import pytest

from purger.problem_log import ProblemLog


def test_a_problem_is_logged_when_it_begins_changes_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    problem = ProblemLog(logging.getLogger("test"), "edge e")
    for kind in ("unreachable", "unreachable", "refused", "refused"):
        problem.begin(kind, "why")
    problem.end()
    problem.end()
    assert [record.message for record in caplog.records] == [
        "edge e is unreachable: why",
        "edge e is refused: why",
        "edge e is no longer refused",
    ]


def test_a_patient_problem_keeps_a_single_failure_to_itself(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    problem = ProblemLog(logging.getLogger("test"), "it", patience=2)
    problem.begin("stuck", "why")
    problem.end()
    assert not caplog.records
    problem.begin("stuck", "why")
    problem.begin("stuck", "why")
    assert [record.message for record in caplog.records] == ["it is stuck: why"]

"""Lists the variants of the model: the protocol under each kind of fault, and without each of its mechanisms."""

from collections.abc import Mapping
from dataclasses import dataclass

#: Constants of the model. The booleans that are true are mechanisms of the protocol, the others are faults.
DEFAULTS: Mapping[str, bool | int] = {
    "CHANGES": 2,
    "PURGERS": 1,
    "INSTANCES": 1,
    "FAIL_SAFE_TTL": 1,
    "LONGEST_FETCH": 2,
    "PROMPT": False,
    "PUNCTUAL": False,
    "REPLICA": False,
    "KILLED": False,
    "RESTARTS": False,
    "BALANCER": False,
    "RELOADS": False,
    "SNAPSHOT": False,
    "CLOCK": False,
    "AGE_FROM_FETCH": True,
    "DELIVERED_BEFORE_HEARTBEAT": True,
    "EPOCHS": True,
    "FAIL_SAFE": True,
    "FENCE": True,
    "FLUSH_OTHER_INSTANCE": True,
    "FUTURE_IS_FORGOTTEN": True,
    "FUTURE_IS_NO_HIT": True,
    "FUTURE_IS_NO_LEASE": True,
    "FUTURE_IS_REFUSED": True,
    "IF_MATCH": True,
    "KEPT_AT_RELOAD": True,
    "LAST_ATTEMPT_YOUNG": True,
    "NUMBERING": True,
    "POSITIONS": True,
    "PROGRESS_AFTER_ACKNOWLEDGEMENT": True,
    "REBOUNDS": True,
    "REBOUND_BEFORE_HEARTBEAT": True,
    "SEEN": True,
    "VERIFICATION_NUMBERS": True,
}

#: Faults that the protocol meets, beside purgers, requests and the edge's answers that are late, lost or doubled.
FAULTS: Mapping[str, Mapping[str, bool | int]] = {
    "none": {"PROMPT": True},
    "delays": {},
    "delays, no Takedown-Seen": {"SEEN": False},
    "long fetches": {"FAIL_SAFE_TTL": 2, "LONGEST_FETCH": 3, "CHANGES": 1},
    "replica that lags": {"REPLICA": True},
    "purger killed": {"KILLED": True, "CHANGES": 1},
    "VCL reloaded": {"RELOADS": True, "CHANGES": 1},
    "edge's clock set back": {"CLOCK": True, "CHANGES": 1},
    "edge back to a snapshot": {"SNAPSHOT": True, "PUNCTUAL": True, "CHANGES": 1},
    "two purgers, no claims": {"PURGERS": 2, "PUNCTUAL": True, "LONGEST_FETCH": 1, "CHANGES": 1},
    "edge restarted": {"RESTARTS": True, "INSTANCES": 2, "CHANGES": 1},
    "two at one address": {"BALANCER": True, "INSTANCES": 2, "CHANGES": 1},
}


#: Faults under which there are too many states to see all: the count of steps after which an exploration ends.
BOUNDS: Mapping[str, int] = {"two purgers, no claims": 18}


@dataclass(frozen=True, slots=True)
class Variant:
    """The model under one kind of fault, without one mechanism or with all of them.

    ``tests`` hold the product to the schedule that breaks it: "file" or "file::test", from the top of the repository.
    """

    faults: str
    removed: str | None = None  # the constant
    text: str = ""  # the mechanism
    tests: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name for the command line."""
        return f"without {self.removed}" if self.removed else self.faults

    @property
    def bound(self) -> int:
        """The count of steps after which an exploration ends; 0: none."""
        return BOUNDS.get(self.faults, 0)

    def constants(self, *, small: bool = False) -> dict[str, bool | int]:
        """Return all constants; ``small``: with one change of the image, where there are two."""
        chosen = {**DEFAULTS, **FAULTS[self.faults]}
        if small:
            chosen["CHANGES"] = 1
        if self.removed:
            chosen[self.removed] = False
        return chosen


VARIANTS: tuple[Variant, ...] = (
    *(Variant(faults) for faults in FAULTS if faults != "VCL reloaded"),
    Variant("none", "FENCE", "the fence", ("tests/vcl/fence.vtc",)),
    Variant(
        "none",
        "LAST_ATTEMPT_YOUNG",
        "the last attempt is delivered only if young",
        ("tests/vcl/fence_last_attempt.vtc",),
    ),
    Variant(
        "none",
        "REBOUNDS",
        "rebounds",
        ("tests/integration/faults/test_held_thread.py",),
    ),
    Variant(
        "delays",
        "REBOUND_BEFORE_HEARTBEAT",
        "a heartbeat waits for the rebound",
        (
            "tests/unit/purger/progress/test_rebounds.py"
            "::test_a_heartbeat_waits_for_the_rebound_of_what_its_epoch_covers_and_for_no_other",
            "tests/unit/purger/progress/test_rebounds.py::test_a_heartbeat_waits_for_the_rebound_of_a_flush",
        ),
    ),
    Variant(
        "delays",
        "DELIVERED_BEFORE_HEARTBEAT",
        "a heartbeat waits for what is visible after its epoch",
        (
            "tests/unit/purger/progress/test_progress.py::test_a_heartbeat_needs_a_verification_that_began_after_the_epoch",
            "tests/unit/purger/progress/test_progress.py::test_a_heartbeat_waits_for_all_that_the_verification_found",
        ),
    ),
    Variant(
        "delays",
        "VERIFICATION_NUMBERS",
        "a verification numbers what is not numbered",
        ("tests/integration/database/test_numbering.py::test_a_row_that_commits_late_gets_a_later_number",),
    ),
    Variant(
        "delays",
        "NUMBERING",
        "numbers that follow commits (a cursor on the id instead)",
        (
            "tests/integration/database/test_numbering.py::test_concurrent_writers_and_numberers_lose_and_double_nothing",
        ),
    ),
    Variant(
        "delays",
        "PROGRESS_AFTER_ACKNOWLEDGEMENT",
        "progress moves after the acknowledgement",
        (
            "tests/integration/faults/test_outages.py::test_an_edge_that_is_away_is_a_problem_once_and_gets_everything_later",
        ),
    ),
    Variant("delays", "FAIL_SAFE", "fail-safe mode", ("tests/vcl/lease.vtc",)),
    Variant("long fetches", "AGE_FROM_FETCH", "age from the start of the fetch", ("tests/vcl/lease_fetch.vtc",)),
    Variant(
        "replica that lags",
        "SEEN",
        "answers are compared by Takedown-Seen",
        (
            "tests/vcl/fence_numbers.vtc",
            "tests/integration/edge/test_lagging_origin.py",
        ),
    ),
    Variant("VCL reloaded", "KEPT_AT_RELOAD", "marks outlive a reload", ("tests/vcl/fence_all.vtc",)),
    Variant(
        "edge back to a snapshot",
        "POSITIONS",
        "an edge at an earlier position gets no heartbeat, and is flushed",
        (
            "tests/vcl/position.vtc",
            "tests/integration/faults/test_restored_state.py"
            "::test_an_edge_that_goes_back_to_a_snapshot_shows_no_image_that_was_banned_since",
        ),
    ),
    Variant(
        "edge back to a snapshot",
        "EPOCHS",
        "nor does one whose last heartbeat is an earlier one",
        (
            "tests/unit/purger/progress/test_discrepancy.py"
            "::test_an_edge_whose_last_heartbeat_is_an_earlier_one_is_flushed",
        ),
    ),
    Variant(
        "edge's clock set back",
        "FUTURE_IS_NO_LEASE",
        "an epoch of the future makes no lease",
        ("tests/vcl/lease_clock.vtc",),
    ),
    Variant(
        "edge's clock set back",
        "FUTURE_IS_FORGOTTEN",
        "such an epoch makes none when the clock has caught up",
        ("tests/vcl/lease_clock_ahead.vtc",),
    ),
    Variant(
        "edge's clock set back",
        "FUTURE_IS_REFUSED",
        "an epoch of the future is refused",
        ("tests/vcl/heartbeat.vtc",),
    ),
    Variant(
        "edge's clock set back",
        "FUTURE_IS_NO_HIT",
        "an object of the future is no hit in fail-safe mode",
        ("tests/vcl/lease_future_object.vtc",),
    ),
    Variant(
        "edge restarted",
        "FLUSH_OTHER_INSTANCE",
        "another instance is flushed",
        ("tests/integration/faults/test_flushes.py::test_a_restarted_edge_is_flushed_and_gets_its_heartbeat",),
    ),
    Variant(
        "two at one address",
        "IF_MATCH",
        "a request names its instance",
        ("tests/vcl/instance.vtc", "tests/integration/faults/test_two_edges_one_address.py"),
    ),
)

"""Plan few requests for many rows: a purge apart for each of a few subjects, and lists of tags for more."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purger.model import Row
from purger.outbox.plan import APART, LIST_BYTES, PROBED, DeliveryPlan, make_plan

KEYS = st.text("ABCXYZabcxyz019_-", min_size=1, max_size=64)
CAUSES = st.sampled_from(["ban", "lift", "unban", "image", "rendition", "resend"])
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
SUBJECTS = st.tuples(st.sampled_from(["image", "owner"]), KEYS) | st.tuples(st.just("digest"), DIGESTS)
ROWS = st.lists(st.tuples(SUBJECTS, CAUSES), max_size=300).map(
    lambda tuples: [Row(number, 1, *subject, cause) for number, (subject, cause) in enumerate(tuples, 1)]
)
SCOPES = {"i": "image", "o": "owner", "d": "digest"}


def bans(*subjects: str, cause: str = "ban", scope: str = "image") -> list[Row]:
    return [Row(number, 1, scope, subject, cause) for number, subject in enumerate(subjects, 1)]


def lists(plan: DeliveryPlan) -> list[str]:
    assert {(request.method, request.path) for request in plan.requests} <= {("PURGE", "/")}
    return [dict(request.headers)["Takedown-Tags"] for request in plan.requests]


def sent(plan: DeliveryPlan) -> list[tuple[str, str]]:
    """Read the subjects that a plan names to an edge, as (scope, subject)."""
    return [(SCOPES[tag[:2].rstrip(":")], tag[2:]) for text in lists(plan) for tag in text.split(",")]


@given(ROWS)
def test_each_subject_is_sent_exactly_once(rows: list[Row]) -> None:
    assert sorted(sent(make_plan(rows, 1, 1))) == sorted({(row.scope, row.subject) for row in rows})


@given(ROWS)
def test_subjects_go_apart_or_in_lists_that_fit_a_header_and_are_filled(rows: list[Row]) -> None:
    texts = lists(make_plan(rows, 1, 1))
    tags = {(row.scope, row.subject) for row in rows}
    if len(tags) <= APART:
        assert len(texts) == len(tags)
    else:
        assert all(len(text) <= LIST_BYTES for text in texts)
        assert all(len(text) + 1 + 66 > LIST_BYTES for text in texts[:-1])


MANY = [f"x{number}" for number in range(500)]
MANY_DIGESTS = [hashlib.sha256(key.encode()).hexdigest() for key in MANY]


def test_no_subject_is_lost_where_a_list_ends() -> None:
    plan = make_plan(bans(*MANY_DIGESTS, scope="digest"), 1, 1)
    assert len(lists(plan)) > 2
    assert sent(plan) == [("digest", digest) for digest in MANY_DIGESTS]


def test_all_scopes_share_lists() -> None:
    rows = [
        *bans(*MANY[:50]),
        *bans(*MANY[:30], scope="owner"),
        *bans(*MANY_DIGESTS[:20], scope="digest"),
    ]
    (text,) = lists(make_plan(rows, 1, 1))
    assert text.startswith("i:x0,i:x1,")
    assert f",o:x29,d:{MANY_DIGESTS[0]}," in text


@pytest.mark.parametrize("scope", ["image", "owner", "digest"])
def test_an_urgent_ban_of_each_scope_goes_before_the_bulks(scope: str) -> None:
    bulks = {"image": MANY, "owner": MANY, "digest": MANY_DIGESTS}
    single = "e" * 64
    rows = [row for other, subjects in bulks.items() for row in bans(*subjects, scope=other)]
    plan = make_plan([*rows, Row(9999, 1, scope, single, "ban")], 1, 1, urgent={9999})
    assert sent(plan)[0] == (scope, single)
    assert plan.sample[0].subject == single, "its probe is not left out of the sample"


def test_a_ban_goes_before_the_images_of_an_import() -> None:
    rows = [*bans(*(f"new{number}" for number in range(5)), cause="image"), Row(9, 1, "image", "flagged", "ban")]
    assert sent(make_plan(rows, 1, 1))[0] == ("image", "flagged")


def test_a_purge_knows_the_bans_that_its_answer_tells_of() -> None:
    rows = [Row(1, 1, "owner", "a", "image"), Row(2, 1, "owner", "a", "ban"), Row(3, 2, "owner", "a", "lift")]
    (request,) = make_plan(rows, 1, 2).requests
    assert [row.id for row in request.rows] == [2, 3]
    assert not any(request.rows for request in make_plan(bans(*MANY), 1, 2).requests), "a count of all is of none"


def test_only_bans_are_looked_for_and_of_many_a_sample() -> None:
    assert make_plan(bans("a", cause="lift"), 1, 1).sample == ()
    assert len(make_plan(bans("a", cause="resend"), 1, 1).sample) == 1
    assert len(make_plan(bans(*MANY[:PROBED]), 1, 1).sample) == PROBED
    assert 0 < len(make_plan(bans(*MANY), 1, 1).sample) < 10

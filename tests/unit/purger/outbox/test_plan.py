"""Plan few requests for many rows: PURGEs for a few codes, BANs of lists for more, and for all digests."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purger.edge.purge_request import Request
from purger.model import Row
from purger.outbox.plan import (
    LIST_BYTES,
    SINGLES,
    DeliveryPlan,
    affordable,
    alike_lists,
    make_plan,
)

KEYS = st.text("ABCXYZabcxyz019_-", min_size=1, max_size=64)
CAUSES = st.sampled_from(["ban", "lift", "unban", "image", "rendition", "resend"])
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
SUBJECTS = st.tuples(st.sampled_from(["image", "owner"]), KEYS) | st.tuples(st.just("digest"), DIGESTS)
ROWS = st.lists(st.tuples(SUBJECTS, CAUSES), max_size=80).map(
    lambda tuples: [Row(number, 1, *subject, cause) for number, (subject, cause) in enumerate(tuples, 1)]
)


def bans(*subjects: str, cause: str = "ban", scope: str = "image") -> list[Row]:
    return [Row(number, 1, scope, subject, cause) for number, subject in enumerate(subjects, 1)]


def sent(plan: DeliveryPlan) -> list[tuple[str, str]]:
    """Read the subjects that a plan names to an edge, as (scope, subject)."""
    subjects = []
    for request in plan.requests:
        headers = dict(request.headers)
        if request.method == "PURGE":
            subjects.append(("image", request.path.removeprefix("/images/")))
        elif "Takedown-Owners" in headers:
            subjects += [("owner", owner) for owner in headers["Takedown-Owners"].split(",")]
        elif "Takedown-Digests" in headers:
            subjects += [("digest", digest) for digest in headers["Takedown-Digests"].split(",")]
        else:
            subjects += [("image", code) for code in headers["Takedown-Codes"].split(",")]
    return subjects


@given(ROWS)
def test_each_subject_is_sent_exactly_once(rows: list[Row]) -> None:
    assert sorted(sent(make_plan(rows, 1, 1))) == sorted({(row.scope, row.subject) for row in rows})


MANY = [f"x{number}" for number in range(10 * SINGLES)]
MANY_DIGESTS = [hashlib.sha256(key.encode()).hexdigest() for key in MANY]


@pytest.mark.parametrize("owners", [1, SINGLES, 10 * SINGLES])
@pytest.mark.parametrize("codes", [0, SINGLES, SINGLES + 1, 10 * SINGLES])
@pytest.mark.parametrize("wanted", [1, 256])
def test_owners_are_told_beside_any_number_of_codes(owners: int, codes: int, wanted: int) -> None:
    rows = [*bans(*MANY[:codes]), *bans(*MANY[:owners], scope="owner")]
    plan = make_plan(rows, 1, 1, wanted)
    assert sorted(sent(plan)) == sorted((row.scope, row.subject) for row in rows)
    assert plan.method == "ban"


def test_owners_are_told_in_lists_that_end_alike_however_few() -> None:
    one = make_plan(bans("joe", scope="owner"), 1, 1)
    assert one.requests == (Request("BAN", "/", (("Takedown-Owners", "joe"),)),)
    many = make_plan(bans(*MANY, scope="owner"), 1, 1)
    assert len(many.requests) == 10  # one for each digit that they end in
    assert [owner for _, owner in sent(many)] == sorted(MANY, key=lambda key: key[-1])


def test_a_single_ban_goes_before_a_bulk_of_the_other_scope() -> None:
    bulk_of_owners = make_plan([*bans(*MANY, scope="owner"), Row(999, 1, "image", "flagged", "ban")], 1, 1)
    assert bulk_of_owners.requests[0].path == "/images/flagged"
    bulk_of_images = make_plan([*bans(*MANY), Row(999, 1, "owner", "joe", "ban")], 1, 1)
    assert bulk_of_images.requests[0].headers == (("Takedown-Owners", "joe"),)


def test_digests_are_told_in_lists_that_end_alike_however_few() -> None:
    one = make_plan(bans(MANY_DIGESTS[0], scope="digest"), 1, 1)
    assert one.requests == (Request("BAN", "/", (("Takedown-Digests", MANY_DIGESTS[0]),)),)
    assert one.method == "ban"
    many = make_plan(bans(*MANY_DIGESTS, scope="digest"), 1, 1)
    assert len(many.requests) == 16  # one for each digit that they end in
    assert all(len(dict(request.headers)["Takedown-Digests"]) <= LIST_BYTES for request in many.requests)


def test_a_distant_edge_gets_digests_in_as_few_lists_as_they_fit_in() -> None:
    plan = make_plan(bans(*MANY_DIGESTS, scope="digest"), 1, 1, 1)
    assert len(plan.requests) == -(-len(MANY_DIGESTS) // ((LIST_BYTES + 1) // 65))
    assert sorted(digest for _, digest in sent(plan)) == sorted(MANY_DIGESTS)


@pytest.mark.parametrize("scope", ["image", "owner", "digest"])
def test_a_single_ban_of_each_scope_goes_before_the_bulks_of_the_others(scope: str) -> None:
    bulks = {"image": MANY, "owner": MANY, "digest": MANY_DIGESTS}
    single = bulks.pop(scope)[0]
    rows = [row for other, subjects in bulks.items() for row in bans(*subjects, scope=other)]
    plan = make_plan([*rows, Row(999, 1, scope, single, "ban")], 1, 1)
    assert sent(plan)[0] == (scope, single)
    assert plan.sample[0].scope == scope, "its probe is not left out of the sample"


@given(st.lists(KEYS, unique=True, min_size=SINGLES + 1, max_size=400))
def test_lists_fit_a_header_and_end_alike(codes: list[str]) -> None:
    for text in alike_lists(codes):
        assert len(text) <= LIST_BYTES
        assert len({code[-1] for code in text.split(",")}) == 1


def test_a_group_is_cut_only_when_it_must_be() -> None:
    codes = [f"{number:063d}x" for number in range(200)]
    lists = list(alike_lists(codes))
    assert [code for text in lists for code in text.split(",")] == codes
    assert len(lists) == -(-200 // ((LIST_BYTES + 1) // 65))


def test_few_codes_are_purges_and_more_are_bans() -> None:
    few = make_plan(bans(*(f"c{number}" for number in range(SINGLES))), 1, 3)
    many = make_plan(bans(*(f"c{number}" for number in range(SINGLES + 1))), 1, 3)
    assert {request.method for request in few.requests} == {"PURGE"}
    assert {request.method for request in many.requests} == {"BAN"}
    assert (few.method, many.method) == ("purge", "ban")


@given(st.lists(KEYS, unique=True, min_size=5, max_size=100), st.sampled_from([1, 4, 16]))
def test_a_distant_edge_gets_few_requests(codes: list[str], wanted: int) -> None:
    plan = make_plan(bans(*codes), 1, 1, wanted)
    assert sorted(subject for _, subject in sent(plan)) == sorted(codes)
    assert len(plan.requests) <= max(wanted, -(-sum(len(code) + 1 for code in codes) // (LIST_BYTES - 65)))


def test_requests_are_given_the_time_they_take() -> None:
    assert [affordable(seconds) for seconds in (0.0005, 0.02, 0.15, 5.0)] == [256, 4, 1, 1]


def test_a_ban_goes_before_the_images_of_an_import() -> None:
    rows = [*bans(*(f"new{number}" for number in range(5)), cause="image"), Row(9, 1, "image", "flagged", "ban")]
    assert make_plan(rows, 1, 1).requests[0].path == "/images/flagged"


def test_a_purge_knows_the_bans_that_its_answer_tells_of() -> None:
    rows = [Row(1, 1, "image", "a", "image"), Row(2, 1, "image", "a", "ban"), Row(3, 2, "image", "a", "lift")]
    (request,) = make_plan(rows, 1, 2).requests
    assert [row.id for row in request.rows] == [2, 3]


def test_only_bans_are_looked_for_and_of_many_a_sample() -> None:
    assert make_plan(bans("a", cause="lift"), 1, 1).sample == ()
    assert len(make_plan(bans("a", cause="resend"), 1, 1).sample) == 1
    assert len(make_plan(bans("a", "b"), 1, 1).sample) == 2
    assert 0 < len(make_plan(bans(*map(str, range(500))), 1, 1).sample) < 10

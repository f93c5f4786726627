"""Answer by a database row and a request's conditions: status, headers and byte range."""

import hashlib
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.answering.answers import Answers, Conditions, ImageAnswer, failure
from origin.answering.special_image import read_special_image
from origin.model import Found, Lifetimes
from takedown_base.http.http_dates import format_date

NOW = datetime(2026, 5, 1, 12, 0, 0)
CLOCK = NOW.replace(tzinfo=UTC).timestamp()
DIGEST = "ab" * 32
ETAG = f'"{DIGEST}"'
SPECIAL = read_special_image(None)
LIFETIMES = Lifetimes(full=86400, unknown=60, undated=2)
CHANGED = NOW - timedelta(days=1, microseconds=1)
CHANGED_DATE = format_date(int(CLOCK) - 86400)
SEEN = 17
ORIGINAL = "c0" * 32
FOUND = Found("image/png", 1000, DIGEST, "joe", None, 0, 0, CHANGED, NOW, SEEN, changed=16, original=ORIGINAL)
UNKNOWN = Found(None, None, None, None, None, 0, 0, None, NOW, SEEN)

conditions = st.builds(
    Conditions,
    *[
        st.none()
        | st.sampled_from(
            [
                ETAG,
                "*",
                CHANGED_DATE,
                format_date(0),
                "bytes=0-9",
                "bytes=5000-",
                "bytes=-5",
                "nonsense",
                "",
            ]
        )
    ]
    * 4,
)


UNCONDITIONAL = Conditions()


def decide(found: Found, asked: Conditions = UNCONDITIONAL, status: int = 410, now: float = CLOCK) -> ImageAnswer:
    return Answers(LIFETIMES, status, SPECIAL).decide(found, asked, now)


def headers(answer: ImageAnswer) -> dict[str, str]:
    names = [name for name, _ in answer.headers]
    assert len(names) == len(set(names)), "no header twice"
    return dict(answer.headers)


def test_an_image_is_served_with_all_its_headers() -> None:
    answer = decide(FOUND)
    assert answer.status == "200 OK"
    assert headers(answer) == {
        "Content-Type": "image/png",
        "Content-Length": "1000",
        "ETag": ETAG,
        "Last-Modified": CHANGED_DATE,
        "Accept-Ranges": "bytes",
        "Cache-Control": "public, no-cache",
        "CDN-Cache-Control": "max-age=86400",
        "Takedown-Owner": "joe",
        "Takedown-Changed": "16",
        "Takedown-Digest": ORIGINAL,
        "Takedown-Seen": "17",
        "X-Content-Type-Options": "nosniff",
    }
    assert answer.file is not None
    assert (answer.file.digest, answer.file.size) == (DIGEST, 1000)
    assert (answer.file.part.start, answer.file.part.length) == (0, 1000)


def test_not_modified_has_the_headers_that_caches_update_and_no_body() -> None:
    answer = decide(FOUND, Conditions(if_none_match=ETAG))
    assert answer.status == "304 Not Modified"
    assert headers(answer).keys() == {
        "ETag",
        "Last-Modified",
        "Cache-Control",
        "CDN-Cache-Control",
        "Takedown-Owner",
        "X-Content-Type-Options",
        "Takedown-Seen",
        "Takedown-Changed",
        "Takedown-Digest",
    }
    assert answer.text == b""
    assert answer.file is None


def test_one_range_is_sent_and_says_where_it_lies() -> None:
    answer = decide(FOUND, Conditions(range="bytes=10-19"))
    assert answer.status == "206 Partial Content"
    assert headers(answer)["Content-Range"] == "bytes 10-19/1000"
    assert headers(answer)["Content-Length"] == "10"
    assert headers(answer)["ETag"] == ETAG


def test_a_range_outside_the_file_is_an_error_that_nobody_keeps() -> None:
    answer = decide(FOUND, Conditions(range="bytes=1000-"))
    assert answer.status == "416 Range Not Satisfiable"
    assert headers(answer)["Content-Range"] == "bytes */1000"
    assert headers(answer)["Cache-Control"] == "no-store"
    assert "CDN-Cache-Control" not in headers(answer)


def test_conditions_come_before_ranges() -> None:
    assert decide(FOUND, Conditions(if_none_match=ETAG, range="bytes=1000-")).status.startswith("304")
    assert decide(FOUND, Conditions(range="bytes=0-9", if_range='"other"')).status.startswith("200")
    assert decide(FOUND, Conditions(range="bytes=0-9", if_range=ETAG)).status.startswith("206")
    assert decide(FOUND, Conditions(range="bytes=0-9", if_range=CHANGED_DATE)).status.startswith("206")


@pytest.mark.parametrize(
    ("why", "found", "now"),
    [
        ("a change waits for its number", FOUND._replace(pending=1), CLOCK),
        ("nobody knows when it changed", FOUND._replace(changed_at=None), CLOCK),
        ("its second is the database's present one", FOUND._replace(changed_at=NOW), CLOCK + 3600),
        ("its second has not begun there", FOUND._replace(changed_at=NOW - timedelta(microseconds=1)), CLOCK + 9),
        ("its second is the origin's present one", FOUND, CLOCK - 86400),
        ("it is ahead of the origin's clock", FOUND, CLOCK - 86401),
    ],
)
def test_an_image_has_no_date_while(why: str, found: Found, now: float) -> None:
    answer = decide(found, now=now)
    assert "Last-Modified" not in headers(answer), why
    assert headers(answer)["CDN-Cache-Control"] == "max-age=2", why
    by_date = decide(found, Conditions(if_modified_since=format_date(int(CLOCK) + 10**6)), now=now)
    assert by_date.status == "200 OK", why
    assert decide(found, Conditions(if_none_match=ETAG), now=now).status.startswith("304"), "the tag counts as ever"


def test_a_date_is_told_as_soon_as_its_second_is_past_by_both_clocks() -> None:
    found = FOUND._replace(changed_at=NOW - timedelta(seconds=0.5), read_at=NOW + timedelta(microseconds=1))
    assert headers(decide(found, now=CLOCK + 0.001))["Last-Modified"] == format_date(int(CLOCK))


@given(st.datetimes(min_value=NOW - timedelta(seconds=3), max_value=NOW), st.data())
def test_two_states_never_share_a_date(first: datetime, data: st.DataObject) -> None:
    """A later change, and a request that saw the state before it: what it was told is not what will be told."""
    seen = data.draw(st.datetimes(min_value=first, max_value=first + timedelta(seconds=2)))
    second = data.draw(st.datetimes(min_value=seen, max_value=seen + timedelta(seconds=2)))
    later = second + timedelta(seconds=5)
    before = headers(decide(FOUND._replace(changed_at=first, read_at=seen), now=CLOCK + 100))
    after = headers(decide(FOUND._replace(changed_at=second, read_at=later), now=CLOCK + 100))
    if second > first:
        assert before.get("Last-Modified") != after["Last-Modified"]


def test_a_stable_image_may_be_kept_until_its_date_and_by_the_edge_no_longer() -> None:
    found = FOUND._replace(stable_until=NOW + timedelta(seconds=100))
    sent = headers(decide(found))
    assert sent["Cache-Control"] == "public, must-revalidate"
    assert sent["Expires"] == format_date(int(CLOCK) + 100)
    assert sent["CDN-Cache-Control"] == "max-age=100"
    far = headers(decide(found._replace(stable_until=NOW + timedelta(days=400))))
    assert far["CDN-Cache-Control"] == "max-age=86400"
    undated = headers(decide(found._replace(pending=1)))
    assert undated["CDN-Cache-Control"] == "max-age=2"


@pytest.mark.parametrize(
    ("ahead", "seconds"),
    [(timedelta(days=1826), 86400), (timedelta(hours=1), 3600), (timedelta(seconds=1), 2)],
)
def test_a_date_that_is_years_ahead_does_not_end_caching(ahead: timedelta, seconds: int) -> None:
    for found in (FOUND, FOUND._replace(banned=1)):
        sent = headers(decide(found._replace(changed_at=NOW + ahead), status=200))
        assert "Last-Modified" not in sent
        assert sent["CDN-Cache-Control"] == f"max-age={seconds}"


def test_an_image_that_was_stable_is_asked_for_each_time() -> None:
    for seconds in (0, -1, -1000):
        sent = headers(decide(FOUND._replace(stable_until=NOW + timedelta(seconds=seconds))))
        assert sent["Cache-Control"] == "public, no-cache"
        assert "Expires" not in sent


@pytest.mark.parametrize("status", [404, 410, 451])
@given(asked=conditions, pending=st.sampled_from([0, 1]), known=st.booleans())
def test_a_banned_image_is_the_special_one_whatever_is_asked(
    status: int, asked: Conditions, pending: int, known: bool
) -> None:
    found = (FOUND if known else UNKNOWN)._replace(banned=1, pending=pending, stable_until=NOW + timedelta(days=9))
    answer = decide(found, asked, status)
    sent = headers(answer)
    assert answer.status.startswith(str(status))
    assert answer.text == SPECIAL.body
    assert answer.file is None
    assert sent["Content-Type"] == SPECIAL.content_type
    assert sent["Content-Length"] == str(len(SPECIAL.body))
    assert sent["Cache-Control"] == "public, no-cache"
    assert sent["CDN-Cache-Control"] == "max-age=86400"
    assert not sent.keys() & {"ETag", "Last-Modified", "Expires", "Accept-Ranges"}
    assert sent.get("Takedown-Owner") == found.owner


@given(asked=conditions)
def test_nothing_of_a_banned_image_leaks_with_status_200(asked: Conditions) -> None:
    answer = decide(FOUND._replace(banned=1, stable_until=NOW + timedelta(days=9)), asked, 200)
    sent = headers(answer)
    assert DIGEST not in str(answer)
    assert "Expires" not in sent
    assert sent.get("Content-Type") != "image/png"


def test_with_status_200_the_special_image_has_validators_of_its_own() -> None:
    banned = FOUND._replace(banned=1)
    answer = decide(banned, status=200)
    assert answer.status == "200 OK"
    assert headers(answer)["ETag"] == f'"{SPECIAL.digest}"'
    assert headers(answer)["Last-Modified"] == CHANGED_DATE
    assert headers(answer)["Cache-Control"] == "public, no-cache"
    assert headers(answer)["CDN-Cache-Control"] == "max-age=86400"
    assert decide(banned, Conditions(if_none_match=f'"{SPECIAL.digest}"'), 200).status.startswith("304")
    assert decide(banned, Conditions(if_none_match=ETAG), 200).status.startswith("200"), "the banned image's own tag"
    assert headers(decide(banned._replace(pending=1), status=200))["CDN-Cache-Control"] == "max-age=2"


@pytest.mark.parametrize("status", [200, 404, 410, 451])
@given(asked=conditions, known=st.booleans(), banned=st.sampled_from([0, 1]), seen=st.integers(0, 10**15 - 1))
def test_every_answer_says_how_far_its_lookup_saw(
    status: int, asked: Conditions, known: bool, banned: int, seen: int
) -> None:
    answers = Answers(LIFETIMES, status, SPECIAL)
    found = (FOUND if known else UNKNOWN)._replace(banned=banned, seen=seen)
    for _ in range(2):  # nothing that is made once, at start, keeps the number of an earlier request
        assert headers(answers.decide(found, asked, CLOCK))["Takedown-Seen"] == str(seen)


@pytest.mark.parametrize("status", [200, 410])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("banned", [0, 1])
def test_every_answer_names_the_batch_of_the_last_change(status: int, known: bool, banned: int) -> None:
    answers = Answers(LIFETIMES, status, SPECIAL)
    found = (FOUND if known else UNKNOWN)._replace(banned=banned, changed=9)
    assert headers(answers.decide(found, UNCONDITIONAL, CLOCK))["Takedown-Changed"] == "9"
    waits = found._replace(pending=1)
    assert headers(answers.decide(waits, UNCONDITIONAL, CLOCK))["Takedown-Changed"] == "pending"


PROOF = {
    "Takedown-State": "banned",
    "Repr-Digest": f"sha-256=:{b64encode(hashlib.sha256(SPECIAL.body).digest()).decode()}:",
}


@pytest.mark.parametrize("status", [200, 404, 410, 451])
@given(asked=conditions, known=st.booleans())
def test_a_special_image_and_nothing_else_proves_that_the_image_is_gone(
    status: int, asked: Conditions, known: bool
) -> None:
    served = FOUND if known else UNKNOWN
    assert not headers(decide(served, asked, status)).keys() & PROOF.keys()
    answer = decide(served._replace(banned=1), asked, status)
    proof = {name: value for name, value in answer.headers if name in PROOF}
    # A range that is not there is an error in words, which shows no image.
    assert proof == ({} if answer.status.startswith("416") else PROOF)


def test_the_digest_is_that_of_the_whole_special_image_also_where_a_part_of_it_is_sent() -> None:
    banned, etag = FOUND._replace(banned=1), f'"{SPECIAL.digest}"'
    for asked, status in ((Conditions(range="bytes=0-9"), "206"), (Conditions(if_none_match=etag), "304")):
        answer = decide(banned, asked, 200)
        assert answer.status.startswith(status)
        assert headers(answer)["Repr-Digest"] == PROOF["Repr-Digest"]


@given(asked=conditions)
def test_an_unknown_image_is_404_for_a_short_time(asked: Conditions) -> None:
    answer = decide(UNKNOWN, asked)
    assert answer.status == "404 Not Found"
    sent = headers(answer)
    assert sent["Cache-Control"] == "no-cache"
    assert sent["CDN-Cache-Control"] == "max-age=60"
    assert "Takedown-Owner" not in sent


def test_a_rendition_that_is_missing_belongs_to_the_image_s_owner() -> None:
    found = replace_rendition(FOUND)
    assert decide(found).status == "404 Not Found"
    assert headers(decide(found))["Takedown-Owner"] == "joe"


def replace_rendition(found: Found) -> Found:
    return found._replace(content_type=None, size=None, digest=None)


@given(asked=conditions, banned=st.sampled_from([0, 1]), status=st.sampled_from([200, 404, 410, 451]))
def test_the_length_that_is_told_is_the_length_that_is_sent(asked: Conditions, banned: int, status: int) -> None:
    answer = decide(FOUND._replace(banned=banned), asked, status)
    length = headers(answer).get("Content-Length")
    if answer.file is not None:
        assert length == str(answer.file.part.length)
        assert 0 <= answer.file.part.start <= answer.file.size - answer.file.part.length
    elif answer.status.startswith("304"):
        assert length is None
    else:
        assert length == str(len(answer.text))


def test_an_edge_keeps_a_site_s_own_picture_that_nothing_has_changed_for_the_whole_lifetime() -> None:
    answers = Answers(LIFETIMES, 410, SPECIAL)
    for found, seconds in ((UNKNOWN, 86400), (UNKNOWN._replace(pending=1), 2), (UNKNOWN._replace(changed_at=NOW), 2)):
        sent = headers(answers.verdict(found, "a-code", CLOCK))
        assert (sent["CDN-Cache-Control"], "Last-Modified" in sent) == (f"max-age={seconds}", False)


def test_lifetimes_are_settings() -> None:
    lifetimes = replace(LIFETIMES, full=7, unknown=8, undated=9)
    answers = Answers(lifetimes, 410, SPECIAL)
    for found, seconds in ((FOUND, 7), (FOUND._replace(banned=1), 7), (UNKNOWN, 8), (FOUND._replace(pending=1), 9)):
        assert headers(answers.decide(found, Conditions(), CLOCK))["CDN-Cache-Control"] == f"max-age={seconds}"


def test_no_cache_keeps_an_error() -> None:
    sent = headers(failure(503, "away", ("Retry-After", "2")))
    assert sent["Cache-Control"] == "no-store"
    assert sent["Retry-After"] == "2"
    assert "CDN-Cache-Control" not in sent

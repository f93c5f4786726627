"""Read HTTP dates in their three forms, and write them."""

from calendar import timegm
from datetime import UTC, datetime, timedelta
from email.utils import formatdate, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takedown_base.http.http_dates import format_date, parse_date, whole_second_after

YEAR_9999 = timegm((9999, 12, 31, 23, 59, 59))
seconds = st.integers(min_value=0, max_value=YEAR_9999)


@given(seconds)
def test_a_written_date_is_read_back(moment: int) -> None:
    assert parse_date(format_date(moment)) == moment


@given(seconds)
def test_dates_are_written_as_the_standard_library_writes_them(moment: int) -> None:
    assert format_date(moment) == formatdate(moment, usegmt=True)


@given(seconds)
def test_the_form_of_asctime_is_read(moment: int) -> None:
    assert parse_date(datetime.fromtimestamp(moment, UTC).ctime()) == moment


@given(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2060, 1, 1)))
def test_the_form_of_rfc_850_is_read(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    text = moment.strftime("%A, %d-%b-%y %H:%M:%S GMT")
    assert parse_date(text) == timegm(moment.timetuple())


def test_a_date_of_two_digit_year_more_than_fifty_years_ahead_is_past() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    for days, century in ((-2, 0), (2, 100)):
        date = now + timedelta(days=days)
        date = date.replace(day=min(date.day, 28))  # there is one in 50 years as well
        if century and date < now:
            date += timedelta(days=5)
        text = date.strftime(f"%A, %d-%b-{(date.year + 50) % 100:02} %H:%M:%S GMT")
        assert parse_date(text) == timegm(date.replace(year=date.year + 50 - century).timetuple())


def test_the_name_of_the_day_is_not_compared_with_the_date() -> None:
    for text in ("Mon, 06 Nov 1994 08:49:37 GMT", "Monday, 06-Nov-94 08:49:37 GMT", "Mon Nov  6 08:49:37 1994"):
        assert parse_date(text) == 784111777


def test_a_leap_second_is_read() -> None:
    """It lies before the next minute, in which something may have changed."""
    assert parse_date("Sat, 31 Dec 2016 23:59:60 GMT") == timegm((2016, 12, 31, 23, 59, 59))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "yesterday",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Wed, 31 Feb 2024 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
    ],
)
def test_what_is_no_http_date_is_not_read(text: str) -> None:
    assert parse_date(text) is None


@given(st.text())
def test_garbage_never_raises(text: str) -> None:
    parse_date(text)


@given(st.from_regex(r"\A[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\Z"))
def test_what_looks_like_a_date_is_read_as_the_standard_library_reads_it_or_not_at_all(text: str) -> None:
    moment = parse_date(text)
    if moment is not None and ":60 " not in text:
        assert moment == parsedate_to_datetime(text).timestamp()


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31)))
def test_rounding_goes_up_to_the_next_whole_second_and_no_further(moment: datetime) -> None:
    rounded = datetime(1970, 1, 1) + timedelta(seconds=whole_second_after(moment))
    assert rounded.microsecond == 0
    assert timedelta(0) <= rounded - moment < timedelta(seconds=1)

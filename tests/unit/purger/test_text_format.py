"""Write times in a unit of their size, and never too early."""

from datetime import datetime

import pytest

from purger.text_format import duration, end_of_trust


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((-0.004, "-4 ms"), (0, "0 ms"), (0.44, "440 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"), (9.96, "10 s")),
        *((12.3, "12 s"), (119, "119 s"), (180, "3 min"), (7300, "2 h"), (1e6, "12 days")),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("microsecond", "second"), [(0, "00"), (1, "01"), (999_999, "01")])
def test_the_end_of_trust_is_never_told_too_early(microsecond: int, second: str) -> None:
    said = end_of_trust(datetime(2026, 1, 2, 13, 0, 0, microsecond))
    assert said == f"stopped trusting its cache at 2026-01-02 13:00:{second} UTC at the latest"

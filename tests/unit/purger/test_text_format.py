"""Write times in a unit of their size."""

import pytest

from purger.text_format import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((-0.004, "-4 ms"), (0, "0 ms"), (0.44, "440 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"), (9.96, "10 s")),
        *((12.3, "12 s"), (119, "119 s"), (180, "3 min"), (7300, "2 h"), (1e6, "12 days")),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text

"""Parse addresses and codes as people type them, and start without packages that are not needed."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takedown_base.listen_address import Address, parse_address
from takedown_base.subject_keys import is_key


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8000", Address("127.0.0.1", 8000)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:65535", Address("::1", 65535)),
    ],
)
def test_an_address_is_read_and_written_the_same(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "8000", ":8000", "host:", "host:65536", "::1:80", "host:80 ", "a b:80", "host:-1"]
)
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(text)


@given(st.text(max_size=70))
def test_codes_are_ascii_and_of_bounded_length(text: str) -> None:
    if is_key(text):
        assert text.isascii()
        assert 1 <= len(text) <= 64


@pytest.mark.parametrize("text", ["", "a" * 65, "a\n", "a b", "a.b", "é", "a/b", "a'b"])
def test_these_are_no_codes(text: str) -> None:
    assert not is_key(text)


def test_serving_needs_neither_pillow_nor_rich() -> None:
    script = (
        "import sys; sys.modules['PIL'] = sys.modules['rich'] = None; import origin.cli.main;"
        " origin.cli.main.main(['serve', '--help'])"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_importing_without_pillow_says_what_to_install(tmp_path: Path) -> None:
    script = f"""import sys; sys.modules['PIL'] = None; import origin.cli.main; origin.cli.main.main(
        ['import', {str(tmp_path)!r}, '--owner', 'x', '--database-url', 'mysql://x@127.0.0.1:1/x', '--store', 'x'])"""
    result = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert result.returncode == 1
    assert "./dev install" in result.stderr
    assert "Traceback" not in result.stderr

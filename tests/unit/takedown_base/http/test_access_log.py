"""Check the lines of the access log, and that a file that is moved away is opened anew."""

from pathlib import Path

import pytest

from takedown_base.http import access_log
from takedown_base.http.access_log import AccessLog, access_line


def line(**changed: object) -> bytes:
    values: dict[str, object] = {
        "peer": "10.0.0.5",
        "at": 1_790_000_000.9,
        "request": b"GET /images/cat-1 HTTP/1.1",
        "status": b"200 OK",
        "sent": 20_480,
        "referer": b"",
        "agent": b"curl/8",
        "seconds": 0.00125,
    }
    return access_line(**values | changed)  # type: ignore[arg-type]


def test_a_line_has_the_fields_of_the_combined_format_and_the_seconds() -> None:
    assert line() == (
        b'10.0.0.5 - - [21/Sep/2026:14:13:20 +0000] "GET /images/cat-1 HTTP/1.1" 200 20480 "-" "curl/8" 0.001250\n'
    )


def test_a_refused_head_has_no_request_line() -> None:
    assert b'+0000] "-" 400 99 "-"' in line(request=b"", status=b"400 Bad Request", sent=99)


@pytest.mark.parametrize("part", ["request", "referer", "agent"])
def test_nothing_from_outside_ends_its_quotes_or_reaches_a_terminal(part: str) -> None:
    written = line(**{part: b'a"b\\c\x1b\x9b\xff\n'})
    assert rb"a\x22b\x5Cc\x1B\x9B\xFF\x0A" in written
    assert (written.count(b'"'), written.count(b"\n")) == (6, 1)
    assert written[:-1].decode("ascii").isprintable()


def test_a_file_that_was_moved_away_is_opened_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "_CHECK", 0.0)
    path = tmp_path / "access.log"
    log = AccessLog(str(path))
    log.write(b"1\n")
    path.rename(tmp_path / "access.log.1")
    log.write(b"2\n")
    log.write(b"3\n")
    assert (tmp_path / "access.log.1").read_bytes() == b"1\n"
    assert path.read_bytes() == b"2\n3\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_log_that_cannot_be_written_fails_no_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = AccessLog("/dev/full")
    log.write(b"1\n")
    log.write(b"2\n")
    assert [record.message for record in caplog.records] == [
        "the access log cannot be written: No space left on device"
    ]
    with pytest.raises(IsADirectoryError):
        AccessLog(str(tmp_path))

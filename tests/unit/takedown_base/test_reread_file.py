"""Read a file again whenever it was replaced, and keep what it held before while it cannot be used."""

import logging
from pathlib import Path

import pytest

from takedown_base.reread_file import RereadFile


def test_a_file_is_read_once_until_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("1")
    reads: list[str] = []

    def read() -> int:
        reads.append(path.read_text())
        return int(reads[-1])

    file = RereadFile(path, read)
    assert [file.content(), file.content()] == [1, 1]
    assert reads == ["1"]
    new = tmp_path / "new"
    new.write_text("2")
    new.replace(path)
    assert file.content() == 2
    file.forget()
    assert file.content() == 2
    assert reads == ["1", "2", "2"]


def test_while_a_file_cannot_be_used_its_former_content_holds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    path = tmp_path / "f"
    file = RereadFile(path, lambda: int(path.read_text()))
    path.write_text("no number")
    with pytest.raises(ValueError, match="no number"):
        file.content()
    path.write_text("17")
    assert file.content() == 17
    path.write_text("no number at all")
    assert [file.content(), file.content()] == [17, 17]
    assert len(caplog.records) == 1, "it complains once of the same file"
    file.forget()
    with pytest.raises(ValueError, match="no number at all"):
        file.content()

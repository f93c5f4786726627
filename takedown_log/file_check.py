"""Reads a file of the log with what it is compared with, checks it, and writes its page."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from takedown_log.check import Checked, check
from takedown_log.cosignature import WitnessKey
from takedown_log.page import write_page
from takedown_log.signed_note import VerifierKey


def check_file(
    file: Path, key: str, *, held: Iterable[Path] = (), witnesses: Iterable[str] = (), page: Path | None = None
) -> Checked:
    """Check a file by the log's public key as ``check`` does, and write its page where one is wanted.

    ``held`` are files with checkpoints, ``witnesses`` public keys. Raises ``ValueError``, which says what does not
    hold, and ``OSError``.
    """
    content = file.read_bytes()
    checked = check(
        content.decode(),
        VerifierKey.parse(key),
        held=[each.read_text(encoding="utf-8") for each in held],
        witnesses=[WitnessKey.parse(each) for each in witnesses],
    )
    if page:
        text = write_page(checked, key=key, name=file.name, content=content, at=datetime.now(UTC))
        page.write_text(text, encoding="utf-8")
    return checked

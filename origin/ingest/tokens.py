"""Compares the token of a request with those of a file, which may be replaced at any time."""

import hmac
import logging
import re
import threading
from pathlib import Path

from takedown_base.secret_files import UnreadableSecretError, exposure, read_secret

log = logging.getLogger(__name__)

#: A Bearer token (RFC 6750, section 2.1), as for the purge listener of an edge.
_TOKEN = r"[A-Za-z0-9._~+/-]+=*"  # noqa: S105 (a pattern)
_is_token = re.compile(_TOKEN).fullmatch
_AUTHORIZATION = re.compile(rf"Bearer +({_TOKEN})", re.IGNORECASE).fullmatch

#: Tokens that may be valid at a time: the present one, and the one before or after it.
_MOST = 2


class UnusableTokenError(ValueError):
    """The token file cannot be used. The message names it and the reason, and nothing of its content."""


class Tokens:
    """The tokens of a file, one or two lines with one each. Any thread may ask.

    A file that was replaced is read again at the next request. While it cannot be used, the former tokens hold.
    """

    def __init__(self, path: Path) -> None:
        """Read the file. Raises ``UnusableTokenError``."""
        self._path = path
        self._lock = threading.Lock()
        self._seen = self._signature()
        self._tokens = self._read()

    def accept(self, authorization: str) -> bool:
        """Tell whether the field Authorization has a token of the file. The comparison takes the same time for each."""
        self._refresh()
        match = _AUTHORIZATION(authorization)
        given = match[1].encode() if match else b""
        equal = [hmac.compare_digest(given, token) for token in self._tokens]
        return any(equal)

    def _refresh(self) -> None:
        seen = self._signature()
        if seen == self._seen:
            return
        with self._lock:
            try:
                self._tokens = self._read()
            except UnusableTokenError as error:
                log.warning("%s; the tokens that it held before go on being accepted", error)
            self._seen = seen

    def _read(self) -> list[bytes]:
        try:
            lines = [line.strip() for line in read_secret(self._path).splitlines()]
        except UnreadableSecretError as error:
            raise UnusableTokenError(f"token file: {error}") from None
        if len(lines) > _MOST or not all(map(_is_token, lines)):
            raise UnusableTokenError(
                f"token file: {self._path} is not one or two lines of a token each (letters, digits and . _ ~ + / - =)"
            )
        if warning := exposure(self._path):
            log.warning("token file: %s", warning)
        return [line.encode() for line in lines]

    def _signature(self) -> tuple[int, int, int, int] | None:
        """Identify the content of the file by inode, size, and times of writing and of change; None: it is gone."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns

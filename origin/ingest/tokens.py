"""Compares the token of a request with those of a file, which may be replaced at any time."""

import hmac
import logging
import re
from pathlib import Path

from takedown_base.reread_file import RereadFile
from takedown_base.secret_files import TOKEN, UnreadableSecretError, exposure, read_tokens

log = logging.getLogger(__name__)

_AUTHORIZATION = re.compile(rf"Bearer +({TOKEN})", re.IGNORECASE).fullmatch


class UnusableTokenError(ValueError):
    """The token file cannot be used. The message names it and the reason, and nothing of its content."""


class Tokens:
    """The tokens of a file, one or two lines with one each. Any thread may ask.

    A file that was replaced is read again at the next request. While it cannot be used, the former tokens hold.
    """

    def __init__(self, path: Path) -> None:
        """Read the file. Raises ``UnusableTokenError``."""
        self._path = path
        self._file = RereadFile(path, self._read)
        self._file.content()

    def accept(self, authorization: str) -> bool:
        """Tell whether the field Authorization has a token of the file. The comparison takes the same time for each."""
        match = _AUTHORIZATION(authorization)
        given = match[1].encode() if match else b""
        equal = [hmac.compare_digest(given, token) for token in self._file.content()]
        return any(equal)

    def _read(self) -> list[bytes]:
        try:
            tokens = read_tokens(self._path)
        except UnreadableSecretError as error:
            raise UnusableTokenError(f"token file: {error}") from None
        if warning := exposure(self._path):
            log.warning("token file: %s", warning)
        return [token.encode() for token in tokens]

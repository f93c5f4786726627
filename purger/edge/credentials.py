"""Reads the files by which purger and edge authenticate each other: the token, and the certificates of TLS."""

import logging
import ssl
from pathlib import Path
from weakref import WeakValueDictionary

from takedown_base.printable import printable
from takedown_base.reread_file import RereadFile, Signature, signature
from takedown_base.secret_files import UnreadableSecretError, exposure, read_tokens

log = logging.getLogger(__name__)

#: The one directory whose files may be used; None: any.
_allowed: Path | None = None

#: The contexts in use, by their files and these files' signatures. To read the system's authorities takes 7 ms and
#: 0.9 MB, and each edge gets a new connection every five seconds.
_contexts: WeakValueDictionary[object, ssl.SSLContext] = WeakValueDictionary()


class CredentialError(ValueError):
    """A file that cannot be used. The message names it and the reason, and nothing of its content.

    The message is escaped, as the path comes from the table `edges`.
    """

    def __init__(self, text: str) -> None:
        super().__init__(printable(text))


def allow_only(directory: Path | None) -> None:
    """Let this process use only files of ``directory`` for tokens and TLS; None allows any.

    The database names the files. The rule holds for the whole process, so that no command can forget it.
    """
    global _allowed
    _allowed = directory


def read_allowed_tokens(path: str) -> list[str]:
    """Read the one or two secrets of a file that the database names. Raises ``CredentialError``."""
    file = Path(path)
    _check_place(file)
    try:
        return read_tokens(file)
    except UnreadableSecretError as error:
        raise CredentialError(str(error)) from None


class TokenFile:
    """The file with the token that is sent to one edge, on its first line; a second line may hold the next token.

    A file that was replaced is read again at the next use. While it cannot be used, the former token is sent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = RereadFile(path, self._read)
        self._warned: str | None = None

    def token(self) -> str:
        """Return the token. Raises ``CredentialError`` when the file cannot be used and no token was read before."""
        return self._file.content()

    def refused(self) -> None:
        """Drop the token, since the edge refuses it: the file is read again before the next use."""
        self._file.forget()

    def _read(self) -> str:
        _check_place(self._path)
        try:
            token, *_ = read_tokens(self._path)
        except UnreadableSecretError as error:
            raise CredentialError(f"token file: {error}") from None
        if (warning := exposure(self._path)) != self._warned:
            path = printable(self._path)
            log.warning("token file: %s", warning or f"{path} is readable only by its owner and group now")
            self._warned = warning
        return token


class TlsFiles:
    """The authority that must have signed an edge's certificate, and the client certificate that the edge gets."""

    def __init__(
        self, ca: str | None, certificate: str | None = None, key: str | None = None, *, and_system: bool = False
    ) -> None:
        """Take the paths; None: the system's authorities, and no client certificate.

        With ``and_system`` the system's authorities are trusted besides ``ca``: at a public URL either may have signed.
        """
        self._ca = Path(ca) if ca else None
        self._and_system = and_system
        self._certificate = Path(certificate) if certificate else None
        self._key = Path(key) if key else None
        self._files = [file for file in (self._ca, self._certificate, self._key) if file]
        self._loaded: list[Signature] | None = None
        self._context: ssl.SSLContext | None = None  # keeps it among the contexts in use

    def changed(self) -> bool:
        """Tell whether a file has been replaced since it was loaded."""
        return self._loaded is not None and self._loaded != [signature(file) for file in self._files]

    def load(self) -> ssl.SSLContext:
        """Return a context that verifies the server's certificate and its host name. Raises ``CredentialError``.

        All edges with the same files share it, until one of these is replaced.
        """
        for file in self._files:
            _check_place(file)
        loaded = [signature(file) for file in self._files]
        if self._key and loaded != self._loaded and (warning := exposure(self._key)):
            log.warning("key file: %s", warning)
        place = (self._ca, self._and_system, self._certificate, self._key, *loaded, *_system_authorities())
        self._context = context = _contexts.get(place) or self._new_context()
        if None not in loaded:
            _contexts[place] = context
        self._loaded = loaded
        return context

    def _new_context(self) -> ssl.SSLContext:
        ca = self._read_ca()
        context = ssl.create_default_context(cafile=None if self._and_system else ca)
        if self._and_system and ca:
            context.load_verify_locations(ca)
        if self._certificate:
            self._load_certificate(context, self._certificate)
        return context

    def _read_ca(self) -> str | None:
        if self._ca is None:
            return None
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(self._ca)
        except (OSError, ssl.SSLError) as error:
            raise CredentialError(f"CA file: {self._ca} cannot be used: {_reason(error)}") from None
        return str(self._ca)

    def _load_certificate(self, context: ssl.SSLContext, certificate: Path) -> None:
        try:
            context.load_cert_chain(certificate, self._key, password=_no_password)
        except (OSError, ssl.SSLError, CredentialError) as error:
            files = f"{certificate} and {self._key or 'the key in it'}"
            raise CredentialError(f"certificate file: {files} cannot be used: {_reason(error)}") from None


def _no_password() -> str:
    raise CredentialError("the key is encrypted")


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)


def _check_place(file: Path) -> None:
    if _allowed is not None and not file.resolve().is_relative_to(_allowed.resolve()):
        raise CredentialError(f"{file} is not in {_allowed}, the one directory that --token-directory allows")


def _system_authorities() -> list[Signature]:
    """Read the signatures of the file and the directory with the system's authorities."""
    paths = ssl.get_default_verify_paths()
    return [signature(Path(path)) for path in (paths.openssl_cafile, paths.openssl_capath)]

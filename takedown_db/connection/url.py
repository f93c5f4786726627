"""Reads database URLs. No message, and no text made from a URL, shows any part of its user and password."""

import re
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

_NODE = r"(?:\[[0-9A-Fa-f:.]+\]|[^:@/?#\[\],]*)(?::[0-9]{1,5})?"
_URL = re.compile(
    r"mysql://(?:(?P<user>[^:@/?#\[\]]*)(?::(?P<password>[^@/?#\[\]]*))?@)?"
    rf"(?P<nodes>{_NODE}(?:,{_NODE})*)"
    r"(?P<path>/[^?#@]*)?(?:\?(?P<options>[^#@]*))?"
)
_FORM = "mysql://user:password@host:port/name"
_ENCODE = "percent-encode each of % : / ? # [ ] @ in user and password, as in %40 for @"
_OPTIONS = ("unix_socket", "password_file", "ssl_mode", "ssl_ca", "ssl_cert", "ssl_key")


class UnusableUrlError(ValueError):
    """A database URL is malformed, names no database, or has unknown options. The message shows no part of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"database URL: {reason}")


class TlsMode(Enum):
    """The modes of ``--ssl-mode`` of MySQL's clients: encryption, and verification of the server's certificate."""

    DISABLED = "DISABLED"
    PREFERRED = "PREFERRED"
    REQUIRED = "REQUIRED"
    VERIFY_CA = "VERIFY_CA"
    VERIFY_IDENTITY = "VERIFY_IDENTITY"

    @property
    def required(self) -> bool:
        """Whether a connection without encryption is refused."""
        return self not in {TlsMode.DISABLED, TlsMode.PREFERRED}

    @property
    def verified(self) -> bool:
        """Whether the server's certificate must be signed by the CA that the URL names."""
        return self in {TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY}


class Node(NamedTuple):
    """The address of one server: host and port, or the path of a socket. Its text is fit for a log."""

    host: str
    port: int = 3306
    unix_socket: str | None = None

    def __str__(self) -> str:
        if self.unix_socket is not None:
            return self.unix_socket
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrl:
    """The parts of a database URL. Its text is fit for a log."""

    nodes: tuple[Node, ...]  # of one cluster or group; or a single server
    name: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    password_file: Path | None
    tls_mode: TlsMode
    ca_file: Path | None
    certificate_file: Path | None
    key_file: Path | None

    def __str__(self) -> str:
        if self.nodes[0].unix_socket is not None:
            sockets = "&".join(f"unix_socket={node}" for node in self.nodes)
            return f"mysql://localhost/{self.name}?{sockets}"
        return f"mysql://{','.join(map(str, self.nodes))}/{self.name}"


def parse_url(text: str) -> DatabaseUrl:
    """Read ``mysql://user:password@host:port/name?option=value``. Raises ``UnusableUrlError``.

    Several nodes of a cluster are written as ``host:port,host:port``. Options are ``unix_socket`` (again for each node)
    and ``password_file`` (paths), and as MySQL's clients have them ``ssl_mode``, ``ssl_ca``, ``ssl_cert`` and
    ``ssl_key``.
    """
    match = _split(text)
    name = unquote((match["path"] or "").removeprefix("/"))
    if not name or "/" in name:
        raise UnusableUrlError("its path must be the name of one database, as in mysql://user@host/name")
    values = _read_options(match["options"] or "")
    options = {option: given[-1] for option, given in values.items()}
    nodes = _nodes(match["nodes"], values.get("unix_socket", []))
    if "password_file" in options and match["password"] is not None:
        raise UnusableUrlError("it has both a password and a password_file")
    mode = _tls_mode(options, local=all(node.unix_socket is not None or _is_loopback(node.host) for node in nodes))
    if "unix_socket" in options and mode.required:
        raise UnusableUrlError("TLS is for connections by network: leave ssl_mode out beside unix_socket")
    return DatabaseUrl(
        nodes=nodes,
        name=name,
        user=unquote(match["user"] or ""),
        password=unquote(match["password"] or ""),
        password_file=_path(options, "password_file"),
        tls_mode=mode,
        ca_file=_path(options, "ssl_ca"),
        certificate_file=_path(options, "ssl_cert"),
        key_file=_path(options, "ssl_key"),
    )


def _nodes(text: str, sockets: list[str]) -> tuple[Node, ...]:
    """Read the addresses of a URL. Raises ``UnusableUrlError`` for a wrong port, and for one that is named twice."""
    written = [_node(address) for address in text.split(",")]
    if len(written) > 1 and not all(node.host for node in written):
        raise UnusableUrlError("a host is missing beside a comma")
    if len(written) > 1 and sockets:
        raise UnusableUrlError("it has both several hosts and a unix_socket")
    nodes = [Node("localhost", unix_socket=each) for each in sockets] or [
        node._replace(host=node.host or "127.0.0.1") for node in written
    ]
    if len(set(nodes)) < len(nodes):
        raise UnusableUrlError("it names a node twice")
    return tuple(nodes)


def _node(text: str) -> Node:
    """Read ``host:port`` of a URL that ``_URL`` matches. Raises ``UnusableUrlError`` for a port out of range."""
    bare, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        bare, port = text, "3306"
    if not 0 < int(port) <= 65535:
        raise UnusableUrlError("its port is not between 1 and 65535")
    return Node(bare.strip("[]"), int(port))


def _split(text: str) -> re.Match[str]:
    """Split a URL into its parts, which are still percent-encoded. Raises ``UnusableUrlError`` for another form."""
    if text.startswith("mysql:") and not text.startswith("mysql://"):
        raise UnusableUrlError(f"// is missing after mysql:, as in {_FORM}")
    if not text.startswith("mysql://"):
        raise UnusableUrlError(f"the scheme must be mysql, as in {_FORM}")
    match = _URL.fullmatch(text)
    if match is None or re.search("%(?![0-9A-Fa-f]{2})", f"{match['user']}{match['password']}"):
        raise UnusableUrlError(f"it is not of the form {_FORM}; {_ENCODE}")
    return match


def without_secrets(text: str) -> str:
    """Name the server and the database of a URL for a log, without user, password and options."""
    try:
        return str(parse_url(text))
    except UnusableUrlError:
        return "an unusable database URL"


def _read_options(text: str) -> dict[str, list[str]]:
    options = parse_qs(text, keep_blank_values=True)
    # Its name is not shown: it may be part of a password that has a `?` in it.
    if options.keys() - set(_OPTIONS):
        raise UnusableUrlError(f"it has an unknown option; there are {', '.join(_OPTIONS)} (or else {_ENCODE})")
    if empty := sorted(name for name, values in options.items() if not all(values)):
        raise UnusableUrlError(f"its option {empty[0]} is empty")
    return options


def _tls_mode(options: dict[str, str], *, local: bool) -> TlsMode:
    """Choose the mode as MySQL's clients do, except that connections by network need TLS unless the URL disables it."""
    written = options.get("ssl_mode")
    if written is not None and written.upper() not in TlsMode.__members__:
        raise UnusableUrlError(f"its ssl_mode is none of {', '.join(TlsMode.__members__)}")
    if written is not None:
        mode = TlsMode(written.upper())
    elif "ssl_ca" in options:
        mode = TlsMode.VERIFY_CA
    else:
        mode = TlsMode.PREFERRED if local else TlsMode.REQUIRED
    if mode.verified and "ssl_ca" not in options:
        raise UnusableUrlError(f"ssl_mode {mode.value} needs ssl_ca, the file of the CA that signed the server")
    if ("ssl_cert" in options) != ("ssl_key" in options):
        raise UnusableUrlError("ssl_cert and ssl_key need each other")
    return mode


def _path(options: dict[str, str], name: str) -> Path | None:
    return Path(options[name]) if name in options else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"

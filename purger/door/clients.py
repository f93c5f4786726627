"""Reads the file of the door's clients: who they are, what each may do, and how often.

The file is TOML with a table a client, and holds hashes of tokens, never a token:

    [coop]
    tokens = ["sha256:6b86b2..."]
    ban = ["image", "digest"]
    lift = ["image"]
    read = ["image", "digest"]

`others` extends lifting and reading to takedowns that others ordered. `owners` limits a client to images of these
owners. `rate` is the number of requests a second. `purge` allows purges that ban nothing; with `addresses` also to
senders there that have no token. `coop_key` is the public key with which Coop signs, in PEM.
"""

import hashlib
import re
import secrets
import stat
import threading
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import NamedTuple

from takedown_base.printable import printable
from takedown_base.reread_file import RereadFile
from takedown_base.scope import Scope
from takedown_base.secret_files import TOKEN, UnreadableSecretError, read_secret
from takedown_base.subject_keys import CODE_ALPHABET, is_key

#: Bytes of the longest file of clients.
_LONGEST = 1 << 20

#: Requests a second that a client may send unless its table says otherwise. It may save up this many.
RATE = 100

_HASH = re.compile(r"sha256:([0-9a-f]{64})").fullmatch
_AUTHORIZATION = re.compile(rf"Bearer +({TOKEN})", re.IGNORECASE).fullmatch
#: Networks of IP addresses.
Network = IPv4Network | IPv6Network

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}").fullmatch


class UnusableClientsError(ValueError):
    """The file of clients cannot be used. The message names it and the reason, and nothing secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client, and what it may do."""

    name: str
    hashes: tuple[bytes, ...]  # SHA-256 of each of its tokens
    ban: frozenset[Scope] = frozenset()
    lift: frozenset[Scope] = frozenset()
    read: frozenset[Scope] = frozenset()
    others: bool = False  # it may lift and read what others ordered
    owners: frozenset[str] | None = None  # only images of these owners; None: of any
    purge: bool = False
    rate: float = RATE  # requests a second
    addresses: tuple[Network, ...] = ()  # from there it may purge without a token
    coop_key: str | None = None  # PEM


class _Known(NamedTuple):
    """The clients of a file, by the hashes of their tokens, and all of them."""

    by_hash: dict[bytes, Client]
    every: list[Client]


class Clients:
    """The clients of a file, as it is now; for several threads."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Read the file. Raises ``UnusableClientsError``."""
        self._path = path
        self._file = RereadFile(path, self._read)
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()
        self._clock = clock
        self._file.content()

    def find(self, authorization: str) -> Client | None:
        """Find the client whose token a field Authorization holds. None: no client has it.

        By the token's hash: how long the search takes says nothing about a token.
        """
        match = _AUTHORIZATION(authorization)
        return self._file.content().by_hash.get(hashlib.sha256(match[1].encode()).digest()) if match else None

    def at(self, address: IPv4Address | IPv6Address) -> Client | None:
        """Find the client that may purge without a token from an address. None: nobody may."""
        every = self._file.content().every
        return next((client for client in every if any(address in network for network in client.addresses)), None)

    def wait_for(self, client: Client) -> float:
        """Count a request of a client, and return 0; or the seconds until it may send one, and count nothing."""
        with self._lock:
            bucket = self._buckets.setdefault(client.name, _Bucket(client.rate, self._clock()))
            return bucket.take(client.rate, self._clock())

    def _read(self) -> _Known:
        try:
            _require_private(self._path)
            tables = tomllib.loads(read_secret(self._path, _LONGEST))
            clients = [_client(name, table) for name, table in tables.items()]
        except (UnreadableSecretError, tomllib.TOMLDecodeError, ValueError) as error:
            raise UnusableClientsError(printable(f"file of clients {self._path}: {error}")) from None
        found: dict[bytes, Client] = {}
        for client in clients:
            for each in client.hashes:
                if each in found:
                    raise UnusableClientsError(
                        f"file of clients {self._path}: {found[each].name} and {client.name} have the same token"
                    )
                found[each] = client
        return _Known(found, clients)


class _Bucket:
    """The requests that a client may send at once: it fills at ``rate`` a second, up to a second's worth."""

    def __init__(self, rate: float, now: float) -> None:
        self._full = max(1.0, rate)
        self._then = now

    def take(self, rate: float, now: float) -> float:
        self._full = min(max(1.0, rate), self._full + (now - self._then) * rate)
        self._then = now
        if self._full < 1:
            return (1 - self._full) / rate
        self._full -= 1
        return 0


def new_token() -> tuple[str, str]:
    """Make a token of 256 random bits, and the line that the file of clients has for it."""
    token = secrets.token_urlsafe(32)
    return token, f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def is_client_name(text: str) -> bool:
    """Tell whether a text can be a client's name: 1 to 64 of letters, digits and ``_ . -``."""
    return _NAME(text) is not None


def _require_private(path: Path) -> None:
    """Refuse a file that others may read, or that anyone but its owner may write. Raises ``ValueError``."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ValueError(error.strerror) from None
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise ValueError(f"its mode is {stat.S_IMODE(mode):04o}, so others can use it: chmod 0600 it")


def _client(name: str, table: object) -> Client:
    if not is_client_name(name):
        raise ValueError(f"{name!r} is no name of a client, which is 1 to 64 of A-Z a-z 0-9 _ . -")
    if not isinstance(table, dict):
        raise ValueError(f"{name} is not a table: begin it with [{name}]")
    left = dict(table)
    scopes = {right: _scopes(name, right, left.pop(right, [])) for right in ("ban", "lift", "read")}
    owners = left.pop("owners", None)
    addresses = _addresses(name, left.pop("addresses", []))
    coop_key = left.pop("coop_key", None)
    client = Client(
        name=name,
        hashes=() if addresses and "tokens" not in left else _hashes(name, left.pop("tokens", [])),
        **scopes,
        others=_flag(name, "others", left),
        owners=None if owners is None else frozenset(_owners(name, owners)),
        purge=_flag(name, "purge", left),
        rate=_rate(name, left.pop("rate", RATE)),
        addresses=addresses,
        coop_key=None if coop_key is None else _coop_key(name, coop_key),
    )
    if left:
        raise ValueError(f"{name} has {', '.join(sorted(left))}, which no client has")
    _check_owners(client)
    return client


def _check_owners(client: Client) -> None:
    """Refuse rights that reach beyond a client's owners."""
    if client.owners is None:
        return
    if Scope.DIGEST in client.ban | client.lift or client.others:
        raise ValueError(
            f"{client.name} has `owners`, so it can have neither the scope digest nor `others`: they reach images of "
            "any owner"
        )


def _hashes(name: str, texts: object) -> tuple[bytes, ...]:
    matches = [_HASH(text) for text in _texts(name, "tokens", texts)]
    found = [bytes.fromhex(match[1]) for match in matches if match]
    if not found or len(found) != len(matches):
        raise ValueError(f'{name} needs `tokens`, a list of "sha256:" and 64 hex digits each, of `purger door-token`')
    return tuple(found)


def _addresses(name: str, texts: object) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(text) for text in _texts(name, "addresses", texts))
    except ValueError:
        raise ValueError(f"`addresses` of {name} is not a list of addresses or networks, such as 10.0.0.0/8") from None


def _coop_key(name: str, text: object) -> str:
    # Imported here, since few doors have such a client.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        if isinstance(text, str) and isinstance(load_pem_public_key(text.encode()), RSAPublicKey):
            return text
    except (ValueError, UnsupportedAlgorithm):
        pass
    raise ValueError(f"`coop_key` of {name} is not an RSA public key in PEM")


def _scopes(name: str, right: str, texts: object) -> frozenset[Scope]:
    try:
        return frozenset(map(Scope, _texts(name, right, texts)))
    except ValueError:
        raise ValueError(f"`{right}` of {name} is not a list of {', '.join(Scope)}") from None


def _owners(name: str, texts: object) -> list[str]:
    owners = _texts(name, "owners", texts)
    if not all(map(is_key, owners)):
        raise ValueError(f"`owners` of {name} is not a list of keys of {CODE_ALPHABET}")
    return owners


def _texts(name: str, key: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"`{key}` of {name} is not a list of texts")
    return value


def _flag(name: str, key: str, table: dict[str, object]) -> bool:
    value = table.pop(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"`{key}` of {name} is neither true nor false")
    return value


def _rate(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1_000_000:
        raise ValueError(f"`rate` of {name} is not a number of requests a second")
    return float(value)

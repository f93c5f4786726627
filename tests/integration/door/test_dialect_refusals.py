"""Send each dialect what it must refuse: each wrong token, right, signature, size or pace has its own status."""

import base64
import json
import socket
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stack.door import Door
from stack.processes.waiting import PATIENCE
from stack.system import Stack
from tests.support.sites.site_actions import Site

KEY, OTHER_KEY = (rsa.generate_private_key(65537, 2048) for _ in range(2))
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
ALL = '["image", "owner", "digest"]'
COOP = f'ban = {ALL}\nlift = {ALL}\ncoop_key = """{PEM}"""\nrate = 100000\n'


class Dialect(NamedTuple):
    """A sender's request. ``CODE`` stands for the image's code, and ``TOKEN`` for a token."""

    line: str
    token: str = "Authorization: Bearer TOKEN"
    body: str = ""
    signed: bool = False
    accepted: int = 202
    done: int = 1  # purges or bans that it causes


_COOP = '{"item": {"id": "CODE"}, "action": {"id": "a1"}, "policies": []}'
_OBJECT = '{"type": "object", "bucketId": "pictures", "objectName": "CODE.png"}'
DIALECTS = {
    "takedowns": Dialect("POST /takedowns", body='{"image": "CODE"}'),
    "wagtail": Dialect("PURGE /images/CODE"),
    "mediawiki": Dialect("PURGE http://site.example/images/CODE"),
    "mastodon": Dialect("PURGE /images/CODE?v=1"),
    "ozone": Dialect("POST /purge?async=true&url=%2Fimages%2FCODE", "AccessKey: TOKEN"),
    "bunny": Dialect("GET /purge?url=/images/CODE&async=true", "AccessKey: TOKEN"),
    # Without the site's map no edge knows the object's URL. tests/integration/door/test_dialects.py has one with it.
    "supabase": Dialect("POST /purge", body=_OBJECT, accepted=404, done=0),
    "invalidation": Dialect("POST /invalidation", body='{"type": "uri", "selectors": ["/images/CODE"]}', accepted=200),
    "coop": Dialect("POST /coop/ban/image", body=_COOP, signed=True),
}
WITH_BODY = [name for name, dialect in DIALECTS.items() if dialect.body]


class Sender:
    """A sender to one door."""

    def __init__(self, door: Door, code: str) -> None:
        self.door = door
        self.code = code
        self.token = door.token

    def message(self, name: str, *, field: str | None = None, body: bytes | None = None, line: str = "") -> bytes:
        """Make a dialect's request, with another token's field, body or request line."""
        dialect = DIALECTS[name]
        token = door_token(self, dialect) if field is None else field
        sent = dialect.body.replace("CODE", self.code).encode() if body is None else body
        lines = [
            f"{line or dialect.line.replace('CODE', self.code)} HTTP/1.1",
            *("Host: site.example", "Content-Type: application/json", "Connection: close"),
            *([token] if token else []),
            *([f"Coop-Signature: {signature(sent)}"] if dialect.signed else []),
            *([f"Content-Length: {len(sent)}"] if sent else []),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + sent

    def connected(self, data: bytes) -> socket.socket:
        """Send bytes, and leave the connection open."""
        connection = socket.create_connection(("127.0.0.1", self.door.port), timeout=PATIENCE)
        connection.sendall(data)
        return connection

    def status(self, data: bytes) -> int:
        """Send bytes, and return the status of the answer."""
        with self.connected(data) as connection:
            return status(connection)


def door_token(sender: Sender, dialect: Dialect) -> str:
    return dialect.token.replace("TOKEN", sender.token)


def signature(body: bytes, key: rsa.RSAPrivateKey = KEY) -> str:
    return base64.b64encode(key.sign(body, PKCS1v15(), SHA256())).decode()


def status(connection: socket.socket) -> int:
    """Read an answer to its end, and return its status. Its text says what was wrong."""
    with connection.makefile("rb") as answer:
        head, _, body = answer.read().partition(b"\r\n\r\n")
    number = int(head.split()[1])
    assert number < 400 or json.loads(body)["detail"], body
    return number


@pytest.fixture(scope="module")
def door(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Run a door whose client may send each dialect, and others that may not."""
    made = Door(tmp_path_factory.mktemp("door"), stack.database)
    made.token = made.add_client("every", f"{COOP}purge = true\n")
    made.reader = made.add_client("reader", f"read = {ALL}\nrate = 100000\n")  # type: ignore[attr-defined]
    with made as running:
        yield running
        assert "Traceback" not in running.log_text()


@pytest.fixture
def sender(site: Site, door: Door) -> Sender:
    return Sender(door, site.new_image())


def everything(site: Site) -> tuple[int, ...]:
    """Return all that a door could change."""
    tables = ("bans", "door_orders", "invalidations", "moderation_log")
    lifted = site.number("SELECT COUNT(*) FROM bans WHERE lifted_at IS NOT NULL")
    return (lifted, *(site.number(f"SELECT COUNT(*) FROM {table}") for table in tables))


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_takes_what_is_right_and_refuses_what_is_not(site: Site, sender: Sender, name: str) -> None:
    dialect, before = DIALECTS[name], everything(site)
    field, _, _ = dialect.token.partition(":")
    bearer = dialect.token.replace("TOKEN", "")
    wrong: dict[str, tuple[int, bytes]] = {
        "no token": (401, sender.message(name, field="")),
        "another token": (401, sender.message(name, field=f"{bearer}{sender.token}x")),
        "an empty token": (401, sender.message(name, field=bearer)),
        "another scheme": (401, sender.message(name, field=f"{field}: Basic {sender.token}")),
        "two tokens": (401, sender.message(name, field=f"{dialect.token}\r\n{dialect.token}")),
        "a token of other rights": (403, sender.message(name, field=f"{bearer}{sender.door.reader}")),  # type: ignore[attr-defined]
        "another method": (405, sender.message(name, line=f"PATCH {dialect.line.split()[1]}")),
        "too large a head": (431, sender.message(name, field=f"{bearer}{sender.token}\r\nX: {40_000 * 'x'}")),
        "too large a body": (413, sender.message(name, body=70_000 * b"x")),
    }
    if dialect.body:
        wrong |= {
            "more than 16 KB": (413, sender.message(name, body=20_000 * b"x")),
            "no length": (411, sender.message(name).replace(b"\r\nContent-Length:", b"\r\nX-Length:")),
            "no JSON": (400, sender.message(name, body=b"{")),
            "no object": (422, sender.message(name, body=b"[]")),
        }
    else:
        method, target = dialect.line.replace("CODE", 5000 * "c").split()
        wrong["too long a URL"] = (413, sender.message(name, line=f"{method} {target}"))
    assert {what: sender.status(data) for what, (_, data) in wrong.items()} == {
        what: number for what, (number, _) in wrong.items()
    }
    assert everything(site) == before
    assert sender.status(sender.message(name)) == dialect.accepted
    after = everything(site)
    assert after[3] - before[3] == dialect.done, "in the outbox"
    assert after[1] - before[1] == (dialect.done if name in ("takedowns", "coop") else 0), "no purge bans"


def test_whoever_is_too_slow_is_refused_by_each_dialect_and_keeps_nobody_waiting(site: Site, sender: Sender) -> None:
    before = everything(site)
    cut = {name: sender.message(name) for name in DIALECTS}
    slow = {name: sender.connected(data[: data.index(b"\r\n\r\n") + 2]) for name, data in cut.items()}
    slow |= {f"{name}, body": sender.connected(cut[name][:-1]) for name in WITH_BODY}
    assert sender.status(sender.message("wagtail")) == 202, "a thread is free"
    statuses = {}
    for name, connection in slow.items():
        with connection:
            statuses[name] = status(connection)
    assert set(statuses.values()) == {408}, statuses
    after = everything(site)
    assert after == (*before[:3], before[3] + 1, before[4]), "only the quick one did anything"


def test_a_callback_is_refused_unless_its_client_has_signed_it(site: Site, sender: Sender) -> None:
    right, before = sender.message("coop"), everything(site)
    signed = signature(DIALECTS["coop"].body.replace("CODE", sender.code).encode()).encode()
    other = json.dumps({"item": {"id": sender.code}, "action": {"id": "a2"}}).encode()
    unsigned = sender.door.add_client(f"unsigned-{sender.code}", f"ban = {ALL}\n")
    wrong = {
        "none": (401, right.replace(b"Coop-Signature:", b"X:")),
        "empty": (401, right.replace(signed, b"")),
        "no base64": (401, right.replace(signed, b"%%")),
        "not ASCII": (401, right.replace(signed, b"\xff")),
        "cut": (401, right.replace(signed, signed[:-8])),
        "by another key": (401, right.replace(signed, signature(b"x", OTHER_KEY).encode())),
        "of another body": (401, sender.message("coop", body=other).replace(signature(other).encode(), signed)),
        "a replay without the token": (401, sender.message("coop", field="")),
        "a replay by a client without a key": (403, sender.message("coop", field=f"Authorization: Bearer {unsigned}")),
    }
    assert {what: sender.status(data) for what, (_, data) in wrong.items()} == {
        what: number for what, (number, _) in wrong.items()
    }
    assert everything(site) == before
    assert sender.status(right) == 202
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE subject = '{sender.code}'") == 1
    assert sender.status(right) == 200, "a replay bans nothing again"
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE subject = '{sender.code}'") == 1


def test_a_dialect_counts_against_its_clients_rate(site: Site, sender: Sender) -> None:
    hasty = sender.door.add_client(f"hasty-{sender.code}", f"{COOP.replace('100000', '0.001')}purge = true\n")
    assert sender.status(sender.message("wagtail", field=f"Authorization: Bearer {hasty}")) == 202
    before = everything(site)
    fields = {name: dialect.token.replace("TOKEN", hasty) for name, dialect in DIALECTS.items()}
    assert {sender.status(sender.message(name, field=field)) for name, field in fields.items()} == {429}
    assert everything(site) == before

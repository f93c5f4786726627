"""Make requests for the door: each route with valid parts, and some parts that mean harm."""

import hashlib
import json
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes

from stack.door import Door
from tests.fuzz.case import TOKEN
from tests.fuzz.message import Message

#: The token of a client that may only read. It is known at no other door.
READER = b"reader-of-the-fuzzer-" + 22 * b"x"

_TABLE = '[fuzz-reader]\ntokens = ["sha256:{}"]\nread = ["image", "owner", "digest"]\nothers = true\nrate = 100000\n'

#: Most images that a request purges.
MOST_PURGED = 3

#: Codes that no image has: what is banned here leaves the samples as they are.
_CODES = [b"fuzz-%d" % number for number in range(40)] + [b"none", b"A_b-9"]
_URLS = [b"/images/sample-1-1", b"/images/sample-2-3/thumb", b"http://images.test/images/sample-1-2?v=1"]
_ODD_URLS = [
    *(b"/", b"//", b"///x", b"http://", b"https://[::1", b"http://[::1]/images/a", b"/images/", b"/images/a b", b"x"),
    *(b"/images/%00", b"/images/%ff", b"/images/a\r\nX: 1", b"http://u:p@images.test/images/a", b"file:///etc/passwd"),
    *(b"http://127.0.0.1:1/", b"http://images.test:99999/images/a", b"/images/a?" + 5000 * b"q", "/images/é".encode()),
    *(b"/%2e%2e/%2e%2e", b"/images/a*", b"HTTP://IMAGES.TEST/images/none", b"/images/a#f", b"\\\\images\\a"),
    *(
        b"http://images.test\t/images/a",
        b"/about",
        b"/images/\x7f",
        b"http://" + 300 * b"h" + b"/a",
        b"//images.test/a",
    ),
]
_ODD_TEXTS = [
    "",
    " ",
    "\0",
    "\ud800",
    "a\nb",
    "é☃",
    "'; DROP TABLE bans; --",
    300 * "x",
    5000 * "é",
    "%s%n{}",
    "\x1b[2J",
]
_ODD_BODIES = [
    *(b"", b"{", b"}", b"null", b"[]", b"[{}]", b"0", b"-", b"1e999", b'"x"', b"\0", b"\xff\xfe{\0}\0", b"true"),
    *(b'{"image": "a", "image": "b"}', b'{"image": NaN}', b'{"image": 1E400}', b"\xef\xbb\xbf{}", b'{"image": "\xff"}'),
    *(b'{"image": "\\ud800"}', b'{"\\udfff": ""}', b'{"image": "a"} x', b"{'image': 'a'}", b'{"image": "a",}'),
    *(9000 * b"[", 3000 * b'{"a":', b"[" + 5000 * b"9" + b"]", b'{"image": "' + 20_000 * b"a" + b'"}', 70_000 * b"a"),
]
_TYPES = [*(6 * [b"application/json"]), b"application/json; charset=utf-8", b"text/plain", b"application/x-www-form"]
_KEYS = [*(b"k-%d" % number for number in range(60)), b'"k-1"', b"", 300 * b"k", b"\x7f", "é".encode(), b"' OR 1=1"]


def admit_reader(door: Door) -> None:
    """Let the client with the token ``READER`` in, once."""
    if "fuzz-reader" not in door.clients.read_text():
        with door.clients.open("a") as file:
            file.write(_TABLE.format(hashlib.sha256(READER).hexdigest()))


def door_request(random: Random) -> Message:
    """Make a request for one route. A third has a part that the route refuses."""
    message = random.choice(_ROUTES)(random)
    message.lines[:0] = [b"Host: door.test", *_authorization(random)]
    if message.body or message.method == b"POST":
        message.lines.append(b"Content-Length: %d" % len(message.body))
    return message


def _authorization(random: Random) -> list[bytes]:
    other = [b"Authorization: Bearer " + READER, b"AccessKey: " + READER, b"AccessKey: " + TOKEN, b"Authorization:"]
    wrong = [b"Authorization: Bearer x", b"Authorization: Basic eDp4", b"AccessKey: \xff", b"Authorization: \xff"]
    chance = random.random()
    if chance < 0.75:
        return [b"Authorization: Bearer " + TOKEN]
    return [] if chance < 0.8 else [random.choice(other if chance < 0.92 else wrong)]


def _query(random: Random, known: dict[bytes, list[bytes]]) -> bytes:
    """Make a query of some known parameters, rarely one that is unknown, twice, or broken."""
    pairs = [name + b"=" + random.choice(values) for name, values in known.items() if random.random() < 0.4]
    if random.random() < 0.1:
        pairs.append(
            random.choice([b"x=1", b"&&", b"=", b"%ff=%ff", b"wait", b"wait=1&wait=2", b"by=%00", 3000 * b"q"])
        )
    return b"?" + b"&".join(pairs) if pairs else b""


_WAITS = {
    b"wait": [*(9 * [b"0"]), *(9 * [b"0.05"]), b"-1", b"nan", b"1e9", b"51", b"%00"],
    b"until": [*(9 * [b"seen"]), *(9 * [b"acknowledged"]), b"x"],
}


def _order(random: Random) -> Message:
    lines = [b"Content-Type: " + random.choice(_TYPES)]
    if random.random() < 0.6:
        lines.append(b"Idempotency-Key: " + random.choice(_KEYS))
    return Message(b"POST", b"/takedowns" + _query(random, _WAITS), lines=lines, body=_body(random, _order_members))


def _order_members(random: Random) -> dict[str, Any]:
    code = random.choice(_CODES).decode()
    kinds = {"image": code, "name": f"{code}.jpg", "url": f"/images/{code}", "owner": "nobody", "digest": 32 * "ab"}
    kind = random.choice(list(kinds))
    members: dict[str, Any] = {kind: kinds[kind], "ahead": True}
    for name in ("reason", "by", "reference"):
        if random.random() < 0.3:
            members[name] = random.choice(["spam", random.choice(_ODD_TEXTS)])
    if kind == "url" and random.random() < 0.5:
        members["url"] = random.choice(_ODD_URLS).decode("latin-1")
    return members


def _number(random: Random) -> bytes:
    odd = [b"0", b"-1", b"%00", b"1e3", b"1;--", 400 * b"9", "\u0663".encode(), b"..", b"1/2", b"18446744073709551616"]
    return b"%d" % random.randrange(1, 2000) if random.random() < 0.8 else random.choice(odd)


def _state(random: Random) -> Message:
    return Message(b"GET", b"/takedowns/" + _number(random) + _query(random, _WAITS))


def _lift(random: Random) -> Message:
    texts = [quote_from_bytes(text.encode(errors="surrogatepass")[:400]).encode() for text in _ODD_TEXTS]
    return Message(b"DELETE", b"/takedowns/" + _number(random) + _query(random, {b"reason": texts, b"by": texts}))


def _list(random: Random) -> Message:
    known = {
        b"before": [b"1", b"99", b"0", b"-1", 30 * b"9"],
        b"limit": [b"1", b"1000", b"1001", b"x"],
        b"open": [b"true", b"false", b"1"],
        b"scope": [b"image", b"owner", b"digest", b"%ff"],
    }
    return Message(random.choice([b"GET", b"HEAD"]), b"/takedowns" + _query(random, known))


def _description(random: Random) -> Message:
    return Message(random.choice([b"GET", b"HEAD"]), b"/openapi.json" + _query(random, {}))


def _purge(random: Random) -> Message:
    return Message(b"PURGE", _url(random))


def _purge_by_parameter(random: Random) -> Message:
    url = quote_from_bytes(_url(random), safe=random.choice(["", "/:", "/:?="])).encode()
    more = [b"", b"", b"&async=true", b"&async=true", b"&async=false", b"&async=x", b"&url=/", b"&"]
    return Message(random.choice([b"POST", b"GET"]), b"/purge?url=" + url + random.choice(more))


def _url(random: Random) -> bytes:
    return random.choice(_URLS if random.random() < 0.7 else _ODD_URLS)


def _purge_of_object(random: Random) -> Message:
    return Message(b"POST", b"/purge", body=_body(random, _object_members))


def _object_members(random: Random) -> dict[str, Any]:
    names = ["a.png", "../../../images/sample-1-1", "a\0", "é", "a b", 5000 * "x", "\ud800", ""]
    return {
        "type": random.choice(["object", "object", "object-transforms", "bucket", None]),
        "tenant": {"ref": "t"},
        "bucketId": random.choice(["pictures", "pictures", "..", "\ud800"]),
        "objectName": random.choice(names),
    }


def _invalidation(random: Random) -> Message:
    return Message(b"POST", b"/invalidation", body=_body(random, _invalidation_members))


def _invalidation_members(random: Random) -> dict[str, Any]:
    urls = [_url(random).decode("latin-1") for _ in range(MOST_PURGED)]
    odd = random.choice([[], [1], None, [None], 200 * ["x"], {"a": 1}])
    selectors = random.choice([urls[:1], urls[:1], urls, urls, odd])
    return {"type": random.choice(["uri", "uri", "uri", "uri-prefix", 1]), "selectors": selectors, "purge": True}


def _callback(random: Random) -> Message:
    kind = random.choice([b"image", b"name", b"url", b"owner", b"digest", b"nothing", b"%00", b""])
    signed = random.choice([b"", b"AAAA", 344 * b"A", b"\xff", b"=", b"a b", 3000 * b"A"])
    return Message(
        b"POST",
        b"/coop/" + random.choice([b"ban/", b"lift/"]) + kind,
        lines=[b"Coop-Signature: " + signed],
        body=_body(random, lambda _: {"item": {"id": "none"}, "action": {"id": "a1"}, "policies": []}),
    )


def _body(random: Random, members: Callable[[Random], dict[str, Any]]) -> bytes:
    """Make a body: an object as it should be, with a value of another kind, or no JSON."""
    chance = random.random()
    if chance < 0.1:
        return random.choice([*_ODD_BODIES, random.randbytes(random.randrange(300))])
    found = members(random)
    if chance < 0.25:
        found[random.choice([*found, "x", ""])] = _value(random)
    return json.dumps(found, ensure_ascii=random.random() < 0.9).encode(errors="surrogatepass")


def _value(random: Random, depth: int = 3) -> Any:
    """Make a JSON value of any kind."""
    match random.randrange(8 if depth else 6):
        case 0:
            return random.choice([None, True, False])
        case 1:
            return random.choice([0, -1, 2**64, 10**400, 1.5, 1e-300])
        case 6:
            return [_value(random, depth - 1) for _ in range(random.randrange(4))]
        case 7:
            return {random.choice(["id", "name", "$gt", ""]): _value(random, depth - 1) for _ in range(2)}
        case _:
            return random.choice(_ODD_TEXTS)


_ROUTES: tuple[Callable[[Random], Message], ...] = (
    *(_order, _order, _order, _state, _lift, _list, _description, _purge, _purge_by_parameter, _purge_of_object),
    *(_invalidation, _callback),
)

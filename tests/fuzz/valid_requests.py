"""Make valid requests for each listener, which mutations start from."""

from collections.abc import Callable
from random import Random

from tests.fuzz.case import TOKEN, Target
from tests.fuzz.door_requests import door_request
from tests.fuzz.message import Message

#: Codes of the stack's samples, and codes without an image. They are few, so that each becomes a hit.
CODES = [*(b"sample-%d-%d" % (owner, number) for owner in (1, 2) for number in range(1, 7)), b"none", b"A_b-9"]
_CONDITIONS = [
    *(b"If-None-Match: *", b'If-None-Match: "a", W/"b"', b"If-Modified-Since: Wed, 21 Oct 2015 07:28:00 GMT"),
    *(b"If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT", b'If-Match: "x"', b"If-Range: W/x"),
    *(b"If-Unmodified-Since: Sunday, 06-Nov-94 08:49:37 GMT", b"Range: bytes=0-9", b"Range: bytes=-5"),
    *(b"Range: bytes=5-,7-", b"Range: bytes=99999999-", b"Range: lines=1-2"),
]
_OTHERS = [
    *(b"Accept: image/avif,image/webp,*/*;q=0.8", b"Accept-Encoding: gzip, br", b"User-Agent: fuzz"),
    *(b"Cookie: a=b", b"Cache-Control: no-cache", b"Pragma: no-cache", b"Connection: keep-alive"),
    *(b"Connection: close", b"Referer: https://site.test/", b"Origin: https://site.test", b"DNT: 1"),
]


def _image(random: Random) -> Message:
    path = b"/images/" + random.choice(CODES) + random.choice([b"", b"", b"/thumb", b"?v=1", b"/thumb?v=1"])
    lines = [b"Host: images.test", *random.sample(_OTHERS, random.randrange(4))]
    if random.random() < 0.4:
        lines.append(random.choice(_CONDITIONS))
    return Message(random.choice([b"GET", b"GET", b"GET", b"HEAD"]), path, lines=lines)


def _command(random: Random) -> Message:
    message = Message(b"BAN", b"/", lines=[b"Host: edge.test"])
    kind = random.randrange(6)
    if kind == 0:
        message.method, message.target = b"PURGE", b"/images/" + random.choice(CODES)
    elif kind < 4:
        tags = [b"i:" + code for code in CODES] + [b"o:owner1", b"o:owner2", b"d:" + b"a" * 64]
        message.method = b"PURGE"
        message.lines.append(b"Takedown-Tags: " + b",".join(random.sample(tags, random.randrange(1, 9))))
    elif kind == 4:
        message.lines.append(b"Takedown-All: 1")
    else:
        message.method = b"HEARTBEAT"
        if random.random() < 0.5:
            message.lines.append(b"Takedown-Epoch: %d.%03d" % (random.randrange(10**9), random.randrange(1000)))
    if random.random() < 0.8:
        message.lines.append(b"Authorization: Bearer " + TOKEN)
    if random.random() < 0.1:
        message.lines.append(random.choice([b'If-Match: "another"', b"If-Match: *"]))
    return message


def valid_request(target: Target, random: Random) -> Message:
    """Make a request that the listener understands.

    One in ten for edge and origin is a command for the purge listener, mostly with its token: it must do nothing there.
    """
    if target is Target.DOOR:
        return door_request(random)
    make: Callable[[Random], Message] = _command if target is Target.PURGE or random.random() < 0.1 else _image
    return make(random)

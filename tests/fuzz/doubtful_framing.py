"""Make requests of doubtful length: a server that reads on after one can be smuggled into (RFC 9112, section 6)."""

from collections.abc import Callable
from random import Random

from tests.fuzz.message import Message

_HIDDEN = b"GET /images/sample-1-2 HTTP/1.1\r\nHost: images.test\r\n\r\n"

#: Malformed lengths. D9 A0 is ARABIC-INDIC DIGIT ZERO, which Python's int() reads as 0.
_NO_LENGTHS = (b"+0", b"-0", b"-1", b"0x0", b"0_0", b"0 0", b"1e1", b"a", b"0,1", b"\xd9\xa0", b"9" * 30, b"")
_NO_CODINGS = (b"xchunked", b"chunked, identity", b"identity", b"gzip", b"\x0bchunked", b'"chunked"', b"chunked;x")
_NO_SIZES = (b"0x0", b"+0", b"-0", b"0_0", b"g", b"", b"\0", b"1 0", b"\xd9\xa0", b"f" * 17)


def _two_lengths(random: Random, message: Message) -> None:
    lengths = [b"Content-Length: 0", b"Content-Length: %d" % len(_HIDDEN)]
    random.shuffle(lengths)
    message.lines += lengths


def _no_length(random: Random, message: Message) -> None:
    message.lines.append(b"Content-Length: " + random.choice(_NO_LENGTHS))


def _length_and_chunked(random: Random, message: Message) -> None:
    message.body = b"0\r\n\r\n"
    message.lines += [b"Content-Length: %d" % random.choice([5, 4, 5 + len(_HIDDEN)]), b"Transfer-Encoding: chunked"]
    random.shuffle(message.lines)


def _no_coding(random: Random, message: Message) -> None:
    message.body = b"0\r\n\r\n"
    message.lines.append(b"Transfer-Encoding: " + random.choice(_NO_CODINGS))


def _space_before_colon(random: Random, message: Message) -> None:
    message.body = random.choice([b"0\r\n\r\n", b""])
    message.lines.append(random.choice([b"Transfer-Encoding : chunked", b"Content-Length : %d" % len(_HIDDEN)]))


def _chunked_1_0(_random: Random, message: Message) -> None:
    message.version = b"HTTP/1.0"
    message.body = b"0\r\n\r\n"
    message.lines += [b"Connection: keep-alive", b"Transfer-Encoding: chunked"]


def _no_size(random: Random, message: Message) -> None:
    message.body = random.choice(_NO_SIZES) + b"\r\n\r\n"
    message.lines.append(b"Transfer-Encoding: chunked")


_DOUBTS: tuple[Callable[[Random, Message], None], ...] = (
    *(_two_lengths, _no_length, _length_and_chunked, _no_coding, _space_before_colon, _chunked_1_0, _no_size),
)


def doubtful(random: Random, message: Message) -> bytes:
    """Return a request with doubtful framing, and a second request hidden in or after its body.

    A server may send one answer at most: 400, or another one before it closes the connection.
    """
    message.method = random.choice([message.method, b"POST", b"PUT"])
    random.choice(_DOUBTS)(random, message)
    return bytes(message) + _HIDDEN

"""Mutate one part of a request."""

from collections.abc import Callable
from random import Random

from tests.fuzz.message import Message

_METHODS = (
    *(b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"PATCH", b"PURGE", b"BAN"),
    *(b"HEARTBEAT", b"PRI", b"get", b"", b"G\0T", "GÉT".encode(), b"A" * 300, b"GET\t", b" GET", b"G(T"),
)
_TARGETS = (
    *(b"/", b"*", b"", b"//", b"/images", b"/images/", b"/images//", b"/images/../images/sample-1-1", b"/images/%00"),
    *(b"/images/sample-1-1/", b"/images/sample-1-1/original", b"/images/sample-1-1/thumb/x", b"/images/%2e%2e%2f"),
    *(b"http://images.test/images/sample-1-1", b"http://[::1/images/x", b"https://", b"images.test:80", b"/images/a;b"),
    *(b"/images/sample-1-1#x", b"/images/sample-1-1?" + b"q" * 4000, b"/images/" + b"c" * 65, "/images/ä".encode()),
    *(b"/images/\xff\xfe", b"/images/a%0d%0aX:1", b"/images/a\0b", b"/images/sample-1-1\x0b", b"\\images\\sample-1-1"),
    *(b"/images/" + b"../" * 40 + b"etc/passwd", b"/images/sample-1-1%20", b"/images/%", b"/images/%zz", b"?", b"#"),
)
_VERSIONS = (
    *(b"HTTP/1.0", b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/3", b"http/1.1", b"HTTP/1.10", b"HTTP/1", b"HTTP/"),
    *(b"", b"HTTP/1.1 ", b"HTTP/99999999999999999999.1", b"HTTP/1.1\0", b"ICY/1.0", b"HTTP/-1.1", b"HTTP/1.1 x"),
)
_LINES = (
    *(
        b"Host: other.test",
        b"Host:",
        b"Host: a b",
        b"Host: [::1",
        b"Host: user@images.test",
        b"Host: images.test:99999",
    ),
    *(b"Expect: 100-continue", b"Expect: x", b"Upgrade: h2c", b"Connection: Upgrade, HTTP2-Settings", b"TE: trailers"),
    *(b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", b"Connection: Host", b"Connection: \0", b"Max-Forwards: 0"),
    *(b"X-HTTP-Method-Override: PURGE", b"X-Original-URL: /images/sample-1-2", b"X-Forwarded-For: 127.0.0.1"),
    *(b"Takedown-Rendition: thumb", b"Takedown-Tags: i:sample-1-1", b"Takedown-All: 1", b"xkey: o:owner1"),
    *(b"Takedown-Digests: " + b"a" * 64, b"Takedown-Digest: none"),
    *(b"X-HashTwo: i:sample-1-1", b"Takedown-Epoch: 1.000", b"Authorization: Bearer x", b"Authorization: Basic e"),
    *(b"Range: bytes=0-18446744073709551616", b"Range: bytes=9-1", b"Range: bytes=--1", b"Range: bytes=\xb2-3"),
    *(b"Range: " + b"bytes=0-1," * 500, b"If-None-Match: " + b'"x",' * 900, b'If-None-Match: "', b"If-None-Match: W/"),
    *(b"If-Modified-Since: 0", b"If-Modified-Since: Wed, 99 Foo 9999 99:99:99 GMT", b"If-Modified-Since: \xff"),
    *(
        b"If-Range: Wed, 21 Oct 2015 07:28:00 GMT",
        b"If_None_Match: *",
        b"Content-Type: text/plain",
        b"Content-Length: 0",
    ),
    *(b"Accept-Encoding: \0", b"Cookie: " + b"c" * 3000, b"Content-Encoding: gzip", b"Trailer: Host", b"Via: 1.1 x"),
)
_VALUES = (
    *(b"", b" ", b"\t", b"\0", b"\x7f", b"\x0b", b"\r", b"a\rb", b"\xff" * 8, "☃é".encode(), b"%s%n%x", b"'\"<>"),
    *(b"a" * 200, b"a" * 9_000, b"a" * 40_000, b"0", b"-1", b"18446744073709551616", b"1e9", b"None", b"{}", b","),
)


def method(random: Random, message: Message) -> None:
    """Replace the method by another one, or none."""
    message.method = random.choice(_METHODS)


def target(random: Random, message: Message) -> None:
    """Replace the target, or insert a few bytes into it."""
    if random.random() < 0.6:
        message.target = random.choice(_TARGETS)
    else:
        at = random.randrange(len(message.target) + 1)
        message.target = message.target[:at] + random.choice(_VALUES) + message.target[at:]


def version(random: Random, message: Message) -> None:
    """Replace the version by another one, or none."""
    message.version = random.choice(_VERSIONS)


def first_line(random: Random, message: Message) -> None:
    """Replace the white space of the request line."""
    message.space = random.choice([b"  ", b"\t", b"", b" \t ", b"\x0b", b"\0", b"\r\n ", b" \r\n"])


def line_ends(random: Random, message: Message) -> None:
    """Replace the ends of all lines."""
    message.end = random.choice([b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\0\r\n", b" \r\n"])


def add(random: Random, message: Message) -> None:
    """Insert one to three headers anywhere."""
    for line in random.sample(_LINES, random.randrange(1, 4)):
        message.lines.insert(random.randrange(len(message.lines) + 1), line)


def many(random: Random, message: Message) -> None:
    """Append many small headers, also up to the limits of servers (64, 100, 128, 256)."""
    message.lines += [b"X-%d: y" % number for number in range(random.randrange(1, 260))]


def repeat(random: Random, message: Message) -> None:
    """Repeat a header, with the same or another value."""
    if message.lines:
        line = random.choice(message.lines)
        other = line if random.random() < 0.5 else line.partition(b":")[0] + b": " + random.choice(_VALUES)
        message.lines.insert(random.randrange(len(message.lines) + 1), other)


def drop(random: Random, message: Message) -> None:
    """Remove a header."""
    if message.lines:
        message.lines.pop(random.randrange(len(message.lines)))


def shuffle(random: Random, message: Message) -> None:
    """Shuffle the headers."""
    random.shuffle(message.lines)


def name(random: Random, message: Message) -> None:
    """Misspell the name of a header."""
    if message.lines:
        at = random.randrange(len(message.lines))
        title, colon, value = message.lines[at].partition(b":")
        bad = random.choice([b"", b" ", b"\0", b"(", "ü".encode(), b"\x80", b"\t"])
        spellings = [title.swapcase(), title.replace(b"-", b"_"), title + b" ", bad + title, title + bad, bad]
        message.lines[at] = random.choice(spellings) + random.choice([colon, colon, b"", b"::"]) + value


def value(random: Random, message: Message) -> None:
    """Change the value of a header."""
    if message.lines:
        at = random.randrange(len(message.lines))
        title, _, old = message.lines[at].partition(b":")
        new = random.choice(_VALUES)
        message.lines[at] = title + b": " + random.choice([new, old.strip() + new, new + old.strip()])


def fold(random: Random, message: Message) -> None:
    """Insert a header over two lines (obs-fold), also as the first one."""
    line = random.choice([b"X-Folded: a\r\n b", b" folded", b"\tfolded", b"Host: images\r\n .test", b"X:\r\n\t", b"  "])
    message.lines.insert(0 if random.random() < 0.5 else random.randrange(len(message.lines) + 1), line)


def body(random: Random, message: Message) -> None:
    """Append a body and its Content-Length, right or wrong."""
    size = random.choice([0, 1, 5, 100, 5_000, 70_000])
    message.body = random.randbytes(min(size, 64)) * (size // 64 or 1)
    said = random.choice([len(message.body)] * 3 + [0, 1, len(message.body) + 5, 10**9, 2**63, 2**64 + 1])
    message.lines.append(b"Content-Length: %d" % said)
    message.method = random.choice([message.method, b"POST", b"PUT"])


def chunked(random: Random, message: Message) -> None:
    """Append a chunked body, right or wrong in one place."""
    chunks = [b"%x\r\n%s\r\n" % (size, b"c" * size) for size in random.choices([1, 9, 300], k=random.randrange(4))]
    end = random.choice(
        [b"0\r\n\r\n", b"0\r\nX-Trailer: y\r\n\r\n", b"0;x=y\r\n\r\n", b"0", b"", b"ffffffffffffffff\r\nx"]
    )
    message.body = b"".join(chunks) + end
    message.lines.append(b"Transfer-Encoding: chunked")
    message.method = random.choice([message.method, b"POST", b"PUT"])


Mutation = Callable[[Random, Message], None]
MUTATIONS: tuple[Mutation, ...] = (
    *(method, target, target, version, first_line, line_ends, add, add, many, repeat, drop, shuffle, name, value),
    *(value, fold, body, chunked),
)

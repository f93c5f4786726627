"""Hold one HTTP/1.1 request in the parts that mutations change."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Message:
    """A request in parts, each of which may be any bytes. ``lines`` are the header lines without their ends."""

    method: bytes = b"GET"
    target: bytes = b"/"
    version: bytes = b"HTTP/1.1"
    lines: list[bytes] = field(default_factory=list)
    body: bytes = b""
    space: bytes = b" "  # between the parts of the first line
    end: bytes = b"\r\n"  # of each line

    def __bytes__(self) -> bytes:
        start = self.space.join((self.method, self.target, self.version))
        return self.end.join((start, *self.lines, b"", b"")) + self.body

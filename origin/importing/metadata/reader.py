"""Reads numbers and bytes from a picture's container, and never beyond its end."""

#: Reads of one container: four times as many as a GIF of 64 MB needs, whose blocks have 255 bytes each.
_MOST_READS = 2_000_000


class MalformedPictureError(ValueError):
    """A picture's container is malformed. The message names the place, as a byte of the file."""


class ByteReader:
    """Reads ``data[at:end]`` from its start to its end, big-endian. Raises ``MalformedPictureError``.

    Millions of tiny pieces are no picture, but would take decoders and browsers long.
    """

    def __init__(self, data: bytes | bytearray | memoryview, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end
        self._reads = 0

    def skip(self, length: int) -> int:
        """Skip ``length`` bytes. Returns the byte at which they start."""
        start = self.at
        self._reads += 1
        if self._reads > _MOST_READS:
            raise MalformedPictureError("broken up into more pieces than any program writes")
        if length < 0 or start + length > self.end:
            raise MalformedPictureError(f"broken or truncated: {length} bytes from byte {start} end beyond {self.end}")
        self.at += length
        return start

    def take(self, length: int) -> bytes:
        """Read ``length`` bytes."""
        start = self.skip(length)
        return bytes(self.data[start : self.at])

    def uint(self, length: int) -> int:
        """Read an unsigned integer of ``length`` bytes; 0 for none."""
        return int.from_bytes(self.take(length), "big")


def names(text: bytes) -> frozenset[bytes]:
    """Split a list of the names of chunks or boxes at its white space."""
    return frozenset(text.split())

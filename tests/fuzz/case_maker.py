"""Make the case for a seed, a target and a number: the same one each time."""

from random import Random

from tests.fuzz.case import Case, Target
from tests.fuzz.doubtful_framing import doubtful
from tests.fuzz.mutations import MUTATIONS
from tests.fuzz.valid_requests import valid_request

#: Beginnings of other protocols: HTTP/2, PROXY 1 and 2, TLS, and an answer.
_PREFACES = (
    *(b"", b"\r\n", b"\0", b"GET ", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
    *(b"PROXY TCP4 1.2.3.4 5.6.7.8 9 80\r\n", b"\x16\3\1\0\xa5\1\0\0\xa1\3\3", b"HTTP/1.1 200 OK\r\n\r\n"),
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\1\x7f\0\0\1\0\x50\x1f\x90",
)


def make_case(target: Target, seed: int, number: int) -> Case:
    """Make one case: a mutated request in four of five, else doubtful framing, random bytes or truncation."""
    random = Random(f"{seed} {target} {number}")
    kind = random.random()
    if kind < 0.08:
        return Case(target, seed, number, doubtful(random, valid_request(target, random)), most_answers=1)
    if kind < 0.12:
        return Case(target, seed, number, random.choice(_PREFACES) + random.randbytes(random.choice([0, 9, 99, 2000])))
    data = b"".join(_mutated(target, random) for _ in range(random.choice([1, 1, 1, 1, 1, 2, 3, 6])))
    if kind < 0.24:
        data = _bytes_changed(random, data)
    if kind > 0.95:
        data = data[: random.randrange(len(data) + 1)]
    cuts = tuple(random.randrange(1 << 16) for _ in range(random.choice([0] * 16 + [1, 2, 5])))
    # Answers of purge listener and door are compared with counters, so they are always read.
    aborted = random.random() < 0.02 and target not in (Target.PURGE, Target.DOOR)
    return Case(target, seed, number, data, cuts, aborted)


def _mutated(target: Target, random: Random) -> bytes:
    message = valid_request(target, random)
    # Most changes of a head end in 400. What a request of the door means harm by is mostly in its parts.
    numbers = [0, 0, 0, 0, 0, 0, 1, 3] if target is Target.DOOR else [0, 1, 1, 1, 2, 2, 3, 5]
    for mutation in random.choices(MUTATIONS, k=random.choice(numbers)):
        mutation(random, message)
    return bytes(message)


def _bytes_changed(random: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randrange(1, 6)):
        at = random.randrange(len(changed) + 1)
        match random.randrange(4):
            case 0:
                changed[at:at] = random.choice([b"\0", b"\r", b"\n", b"\r\n", b" ", b":", b"\xff", random.randbytes(3)])
            case 1:
                del changed[at : at + random.choice([1, 1, 2, 20])]
            case 2:
                changed[at : at + 1] = bytes([random.randrange(256)])
            case _:
                changed[at:at] = changed[at : at + random.randrange(1, 60)]
    return bytes(changed)

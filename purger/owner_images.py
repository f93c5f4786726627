"""Reads the codes of one owner's images page by page, and draws some of them by chance."""

import random
from collections.abc import Iterator

from takedown_db.lasting_connection import Connection

#: The number of images that are counted and drawn from. Reading a million codes for one ban would delay other probes.
COUNTED = 200_000

#: The number of codes that are read at a time.
_PAGE = 500

_CHANCE = random.SystemRandom()


def codes_of(connection: Connection, owner: str) -> Iterator[str]:
    """Read the codes of all images of ``owner``, in their order. Raises ``DatabaseUnavailableError``."""
    code = ""
    while page := connection.rows("owner_codes", owner=owner, after=code, limit=_PAGE):
        for (code,) in page:
            yield code


def draw(connection: Connection, owner: str, most: int) -> tuple[list[str], int]:
    """Draw up to ``most`` images of ``owner`` by chance, each as likely as any other, and count all of them.

    Draws from the first ``COUNTED`` by code, and counts no more. Raises ``DatabaseUnavailableError``.
    """
    chosen, number = list[str](), 0
    for number, code in enumerate(codes_of(connection, owner), start=1):
        if len(chosen) < most:
            chosen.append(code)
        elif (place := _CHANCE.randrange(number)) < most:
            chosen[place] = code
        if number >= COUNTED:
            break
    _CHANCE.shuffle(chosen)
    return chosen, number

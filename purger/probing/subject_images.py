"""Reads the codes of an owner's images, or of all images with one original, page by page, and draws some at random."""

import random
from collections.abc import Iterator

from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection

#: The number of images that are counted and drawn from. Reading a million codes for one ban would delay other probes.
COUNTED = 200_000

#: The number of codes that are read at a time.
_PAGE = 500

#: The statement that reads a page of codes, by the scope of the ban.
_PAGES: dict[str, str] = {Scope.OWNER: "owner_codes", Scope.DIGEST: "digest_codes"}

_CHANCE = random.SystemRandom()


def codes_of(connection: Connection, scope: str, subject: str) -> Iterator[str]:
    """Read the codes of all images of a subject, sorted. Raises ``DatabaseUnavailableError``."""
    if scope == Scope.IMAGE:
        yield subject
        return
    # A scope that a session let in with the checks switched off bans nothing.
    statement, code = _PAGES.get(scope), ""
    while statement and (page := connection.rows(statement, subject=subject, after=code, limit=_PAGE)):
        for (code,) in page:
            yield code


def draw(connection: Connection, scope: str, subject: str, most: int) -> tuple[list[str], int]:
    """Draw up to ``most`` images of a subject at random, each as likely as any other, and count all of them.

    Draws from the first ``COUNTED`` by code, and counts no more. Raises ``DatabaseUnavailableError``.
    """
    chosen, number = list[str](), 0
    for number, code in enumerate(codes_of(connection, scope, subject), start=1):
        if len(chosen) < most:
            chosen.append(code)
        elif (place := _CHANCE.randrange(number)) < most:
            chosen[place] = code
        if number >= COUNTED:
            break
    _CHANCE.shuffle(chosen)
    return chosen, number

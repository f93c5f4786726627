"""Asks which images a ban hides, and which bans hide an image.

Moderation's account may not read images; procedures tell (takedown_db/schema/moderation_routines.sql). Every function
raises ``DatabaseUnavailableError``.
"""

import json
from collections.abc import Sequence
from itertools import starmap
from typing import NamedTuple

from purger.moderation.subjects import Subject
from takedown_db.connection.error_numbers import NO_PROCEDURE
from takedown_db.connection.errors import DatabaseUnavailableError, error_number
from takedown_db.connection.lasting_connection import Connection


class HidingBan(NamedTuple):
    """An open ban that hides an image by its owner or by its original."""

    code: str  # of the image
    id: int
    scope: str
    subject: str


def are_known(connection: Connection, subjects: Sequence[Subject]) -> list[bool] | None:
    """Say for each subject whether any image has it. None: the schema is older than the procedure that tells."""
    values = _asked(connection, "subjects_known", subjects)
    return None if values is None else [bool(value) for value in values]


def count_images(connection: Connection, subjects: Sequence[Subject]) -> list[int] | None:
    """Count the images that a ban of each subject hides. None: the schema is older than the procedure that tells."""
    return _asked(connection, "subjects_images", subjects)


def _asked(connection: Connection, name: str, subjects: Sequence[Subject]) -> list[int] | None:
    try:
        rows = connection.rows(name, subjects=json.dumps(subjects))
    except DatabaseUnavailableError as error:
        if error_number(error) in NO_PROCEDURE:
            return None
        raise
    return [int(value) for _, value in rows]


def original_digest(connection: Connection, code: str) -> str | None:
    """Read the digest of a code's original. None: no image has the code, or only renditions of it are recorded."""
    rows = connection.rows("digest_of_code", code=code)
    return str(rows[0][0]) if rows else None


def hiding_bans(connection: Connection, codes: Sequence[str]) -> list[HidingBan]:
    """Read the open bans that hide images by their owner or their original, the oldest first."""
    return list(starmap(HidingBan, connection.rows("hiding_bans", codes=json.dumps(codes))))

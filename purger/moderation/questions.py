"""Asks which images a ban hides, and which bans hide an image.

Moderation's account may not read images, so procedures do (takedown_db/schema/definitions/moderation_routines.sql).
Every function raises ``DatabaseUnavailableError``.
"""

import json
from collections.abc import Sequence
from itertools import starmap
from typing import NamedTuple

from purger.moderation.subjects import Subject, named_content
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection


class IndirectBan(NamedTuple):
    """An open ban that hides an image by its owner or by its original."""

    code: str  # of the image
    id: int
    scope: str
    subject: str


def are_known(connection: Connection, subjects: Sequence[Subject]) -> list[bool]:
    """Say for each subject whether any image has it."""
    return [bool(value) for _, value in connection.rows("subjects_known", subjects=json.dumps(subjects))]


def count_images(connection: Connection, subjects: Sequence[Subject]) -> list[int]:
    """Count the images that a ban of each subject hides."""
    return [int(value) for _, value in connection.rows("subjects_images", subjects=json.dumps(subjects))]


def contents_of(connection: Connection, subjects: Sequence[Subject]) -> list[Subject]:
    """Replace each digest by the content that it names; other subjects stay."""
    names = [str(getattr(each, "name", each.key)) for each in subjects if each.scope is Scope.DIGEST]
    if not names:
        return list(subjects)
    contents = iter(connection.rows("contents_of_names", names=json.dumps(names)))
    found = (named_content(str(content), name) for name, (_, content) in zip(names, contents, strict=True))
    return [next(found) if each.scope is Scope.DIGEST else each for each in subjects]


def original_digest(connection: Connection, code: str) -> str | None:
    """Read the content of a code's original. None: no image has the code, or only renditions of it are recorded."""
    ((digest,),) = connection.rows("digest_of_code", code=code)
    return None if digest is None else str(digest)


def hiding_bans(connection: Connection, codes: Sequence[str]) -> list[IndirectBan]:
    """Read the open bans that hide images by their owner or their original, the oldest first."""
    return list(starmap(IndirectBan, connection.rows("hiding_bans", codes=json.dumps(codes))))

"""Names the two scopes of a ban and of a purge."""

from enum import StrEnum


class Scope(StrEnum):
    """The kind of subject that a row of `bans` or `invalidations` names, as its column ``scope`` holds it."""

    IMAGE = "image"  # the subject is a code
    OWNER = "owner"  # the subject is an owner's key, and stands for all images of this owner

"""Defines the scopes of a ban or a purge: one image, or all images of an owner."""

from enum import StrEnum


class Scope(StrEnum):
    """The kind of subject that a row of `bans` or `invalidations` names, as its column ``scope`` holds it."""

    IMAGE = "image"  # the subject is a code
    OWNER = "owner"  # the subject is an owner's key, and stands for all images of this owner

"""Defines the scopes of a ban or a purge: one image, all images of an owner, or all copies of a content."""

from enum import StrEnum


class Scope(StrEnum):
    """The kind of subject that a row of `bans` or `invalidations` names, as its column ``scope`` holds it."""

    IMAGE = "image"  # the subject is a code
    OWNER = "owner"  # the subject is an owner's key, and stands for all images of this owner
    DIGEST = "digest"  # the subject is a SHA-256, and stands for all images whose original has this digest

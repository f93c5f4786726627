"""How every part of Edge Takedown connects to the moderation database."""

from database.connection import NotEncryptedError, UnusableFileError, connect
from database.errors import REFUSALS, explain
from database.primary import DisorderedError, NotPrimaryError
from database.url import UnusableUrlError, without_secrets

__all__ = [
    "REFUSALS",
    "DisorderedError",
    "NotEncryptedError",
    "NotPrimaryError",
    "UnusableFileError",
    "UnusableUrlError",
    "connect",
    "explain",
    "without_secrets",
]

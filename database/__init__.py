"""How every part of Edge Takedown connects to the moderation database."""

from database.connection import UnusableUrlError, connect
from database.errors import explain
from database.primary import NotPrimaryError

__all__ = ["NotPrimaryError", "UnusableUrlError", "connect", "explain"]

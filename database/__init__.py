"""How every part of Edge Takedown connects to the moderation database."""

from database.connection import UnusableUrlError, connect

__all__ = ["UnusableUrlError", "connect"]

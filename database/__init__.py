"""How every part of Edge Takedown connects to the moderation database."""

from database.connection import UnusableUrl, connect

__all__ = ["UnusableUrl", "connect"]

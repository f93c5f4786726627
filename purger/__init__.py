"""Watches the moderation database and keeps every edge true."""

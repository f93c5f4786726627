"""Connects to the database, keeps connections, and explains their errors."""

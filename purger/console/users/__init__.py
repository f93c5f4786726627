"""Knows who may use the console: its settings, users, sign-ins and sessions. Imports nothing of the purger."""

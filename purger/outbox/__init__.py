"""Decides what has to be purged: polls, numbers, verifies, keeps and plans. Speaks no HTTP."""

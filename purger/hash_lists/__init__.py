"""Fetches lists of hashes that others publish, and has the database ban or suggest what they name."""

"""Holds what both programs share and is not about a database: options, logs, names. Imports nothing of ours."""

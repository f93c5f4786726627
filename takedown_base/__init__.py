"""Holds what both programs share and is not about a database: options, logs, names, HTTP. Imports nothing of ours."""

"""Speaks HTTP with one edge: client, connection, TLS files, requests and their headers. No database, no threads."""

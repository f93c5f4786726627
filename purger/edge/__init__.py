"""Speaks HTTP with one edge: a client, the link of the loop, TLS files, requests and headers. No database."""

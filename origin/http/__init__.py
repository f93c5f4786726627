"""Speaks HTTP: server, requests, sockets and access log. Knows no image."""

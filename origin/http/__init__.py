"""Speaks HTTP: server, requests, sockets, dates and access log. Knows no image, no store and no database.

Imports nothing of the origin. What a server needs it takes as arguments.
"""

"""Speaks HTTP for every listener of both programs: server, requests, sockets, dates and access log.

Knows no image, no store and no database. What a server needs it takes as arguments.
"""

"""Keeps the bytes of images: a directory or an object store behind one contract; verifies and erases them.

Imports the flat ``model``, ``row_checks`` and ``circuit_breaker``.
"""

"""Takes images in: reads, checks and records them. Nothing that serves imports it.

Imports ``stores`` and the flat ``model`` and ``row_checks``.
"""

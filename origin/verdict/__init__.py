"""Reads URLs of a site's own by its file of rules: which of them show an image, and which image; and their content.

Imports of the origin only the flat ``model`` and ``row_checks``.
"""

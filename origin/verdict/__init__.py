"""Reads URLs of a site's own by its file of rules: which of them show an image, and which image.

Pure, but for reading the file. Imports nothing of the origin.
"""

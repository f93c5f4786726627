"""Serves the console of `purger run --console`: pages that answer whether an image is gone everywhere.

`users` knows who may see them, `state` reads what they show; here are the pages, their templates and their server.
"""

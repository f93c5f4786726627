"""Serves `purger door`: programs order takedowns, ask how far they are, and lift them, over HTTP.

`app.py` finds the route and refuses what may not be asked; `clients.py` knows who may ask for what.
"""

"""Understands the requests that caches and callbacks get already, so that their senders need no change.

`purges.py` has what empties caches and bans nothing, `coop.py` the callback of a moderation tool. Imports the door.
"""

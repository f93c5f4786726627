"""Reads and writes bans with moderation's account only. Uses no other account and speaks to no edge."""

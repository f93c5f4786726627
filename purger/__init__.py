"""Delivers bans and lifts from the moderation database to every Varnish edge."""

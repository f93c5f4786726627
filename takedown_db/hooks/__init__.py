"""Writes the triggers that turn a site's own table into bans."""

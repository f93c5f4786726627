"""Answers a request for an image: the lookup, the decisions and the application."""

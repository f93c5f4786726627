"""Answers a request for an image: the lookup, the decisions and the WSGI application.

Imports ``stores``, ``verdict`` and the flat ``model``, ``row_checks``, ``circuit_breaker`` and ``metrics_counters``.
"""

"""Delivers purges: the thread of one edge, and all of these threads. Runs no SQL."""

"""Delivers purges: a coroutine for each edge, and the loop that runs all of them. Runs no SQL."""

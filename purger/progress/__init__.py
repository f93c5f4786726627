"""Decides what one edge is sent next, and when: purges, rebounds, flushes and heartbeats. Pure: it sends nothing."""

"""Runs what several benchmarks need: load, peers, bans in bulk, and purgers with a change."""

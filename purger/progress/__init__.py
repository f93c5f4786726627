"""Decides the next step for one edge. Pure: no clock, network, database or thread."""

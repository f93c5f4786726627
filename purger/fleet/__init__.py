"""Knows the edges and the purgers: their rows, which purger follows which edge, their state and problems."""

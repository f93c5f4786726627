"""Knows the edges and purgers: their rows, claims, state and problems. Delivers nothing."""

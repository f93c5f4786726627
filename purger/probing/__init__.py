"""Looks at edges from outside, as a browser does. Delivers nothing."""

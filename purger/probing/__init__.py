"""Probes edges from outside: requests banned images as a browser does, and judges the answers. Delivers nothing."""

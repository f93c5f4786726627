"""Defines the figures of benchmarks, judges them by targets, and writes them into a page."""

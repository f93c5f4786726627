"""Compares the database with its signed log."""

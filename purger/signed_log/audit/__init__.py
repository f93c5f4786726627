"""Compares the database with its signed log, and reports what was altered. Changes nothing."""

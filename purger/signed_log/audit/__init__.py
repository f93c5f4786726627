"""Compares the database with its signed log: to report what was altered, or to prove a takedown. Changes nothing."""

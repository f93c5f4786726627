"""Reads and judges the receipts of takedowns, and writes them for people."""

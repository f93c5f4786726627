"""Keeps the signed log in the database: makes leaves, appends them in their order, and signs checkpoints.

The room `audit` compares leaves with their rows, and makes the proofs of takedowns.
"""

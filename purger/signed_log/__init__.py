"""Keeps the signed log in the database: makes leaves, appends them in their order, signs checkpoints, makes proofs."""

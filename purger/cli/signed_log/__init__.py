"""Commands of the signed log: its key, its checkpoints, proofs from it, redaction of it, and its audit."""

"""The purger's part in the signed log: makes leaves, gives them their place, signs checkpoints and makes proofs."""

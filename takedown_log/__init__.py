"""The signed log: leaves under a Merkle tree, checkpoints, and proofs that need no database."""

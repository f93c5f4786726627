"""The signed log as a stranger checks it: leaves under a Merkle tree, checkpoints, and proofs. Needs no database."""

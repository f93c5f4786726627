"""The origin: serves images behind the edge, and asks the database about each one it serves."""

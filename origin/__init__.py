"""The origin: serves images behind the edge, and looks each one up in the database first."""

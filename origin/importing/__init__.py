"""Takes images in: reads, checks and records them. Nothing that serves imports it."""

"""Serves the console of `purger run --console`: pages that answer whether an image is gone everywhere."""

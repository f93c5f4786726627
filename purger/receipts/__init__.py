"""Reads the receipts of takedowns, judges whether each image is proven gone, and writes that for people."""

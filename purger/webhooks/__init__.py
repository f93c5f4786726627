"""Tells receivers by signed requests how takedowns went. Imports what reads edges, and delivers to none."""

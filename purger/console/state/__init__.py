"""Reads what the console shows: the fleet, takedowns, subjects, and pictures as each edge answers with them."""

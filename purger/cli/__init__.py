"""Defines the command line `purger`, one module a command."""

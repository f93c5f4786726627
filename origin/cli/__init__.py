"""Defines the command line `origin`, one module a command."""

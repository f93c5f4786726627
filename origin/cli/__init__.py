"""The command line `origin`, one module a command."""

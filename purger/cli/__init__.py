"""The command line `purger`, one module a command."""

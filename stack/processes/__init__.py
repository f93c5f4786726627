"""Start any program and wait for what it does: child processes, free ports, the project's own commands.

Knows no particular server. Imports no other room of the stack.
"""

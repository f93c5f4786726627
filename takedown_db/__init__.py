"""The moderation database: schema, statements, connections and errors, for origin and purger alike.

The few helpers that both command lines need beside it (signals, secrets in files, printable text) stand here too: it is
the one package that both import.
"""

"""Start the servers of the system on loopback, for ``./dev run``, the tests and the benchmarks.

Here lie the servers that are of this project, the object store, and what puts all together (`system`). Below are the
rooms `edges` and `databases`, and below both `processes`.
"""

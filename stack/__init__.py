"""Start the servers of the system on loopback, for ``./dev run``, the tests and the benchmarks.

`system` starts them together. The other modules start one each: the programs of this project, and an object store.
Below them are the rooms `edges` and `databases`, and below these `processes`.
"""

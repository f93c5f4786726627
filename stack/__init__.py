"""Start the servers of the system on loopback, for ``./dev run``, the tests and the benchmarks."""

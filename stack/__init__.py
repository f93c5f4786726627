"""The whole system on one machine, on loopback: what ``./dev run``, the tests and the benchmarks start."""

"""Run the command `purger` without its signed log: ``python -m bench.unlogged_purger run``."""

from purger.cli.main import main
from purger.signed_log.writer import LogWriter

#: Seconds between two rests of a writer that does nothing.
_REST = 3600.0

if __name__ == "__main__":
    setattr(LogWriter, "work", lambda _: _REST)  # noqa: B010 (mypy lets no method be assigned)
    main()

"""Run the command `purger` without its signed log: ``python -m bench.unlogged_purger run``."""

from unittest.mock import patch

from purger.cli.main import main
from purger.signed_log.writer import LogWriter

#: Seconds between two rests of a writer that does nothing.
_REST = 3600.0

if __name__ == "__main__":
    with patch.object(LogWriter, "work", return_value=_REST):
        main()

"""Run a purger as it was before purgers shared the edges: it claims none, follows every one, and records for all."""

import sys
from pathlib import Path

from mysql.connector.abstracts import MySQLCursorAbstract

from purger import service
from purger.cli.main import cli
from purger.fleet.sharing import Sharing
from purger.records.recorder import Recorder
from stack.database import Database
from stack.purger import Purger


class _ClaimingNothing(Sharing):
    """Holds all edges, and neither signs nor claims."""

    @property
    def purger(self) -> str:
        return None  # type: ignore[return-value]  # followed_edges reads all edges then

    def holds(self, edge: str) -> bool:  # noqa: ARG002
        return True

    def leads(self) -> bool:
        return True

    def work(self) -> float:
        return 60.0

    def finish(self) -> None:
        self._connection.close()


class _RecordingForAll(Recorder):
    """Asks nobody who has claimed an edge."""

    def _lost_edges(self, _cursor: MySQLCursorAbstract, _edges: set[str]) -> set[str]:
        return set()


class OlderPurger(Purger):
    """A ``purger run`` of the version before."""

    def __init__(self, directory: Path, database: Database, *, options: dict[str, str]) -> None:
        path = str(Path(__file__).parents[3])
        super().__init__(directory, database, options={"PYTHONPATH": path, **options})
        *before, _, subcommand = self.command_parts
        self.command_parts = [*before, sys.executable, "-m", __name__, subcommand]


if __name__ == "__main__":
    setattr(service, Sharing.__name__, _ClaimingNothing)
    setattr(service, Recorder.__name__, _RecordingForAll)
    cli()

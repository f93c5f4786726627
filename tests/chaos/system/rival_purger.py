"""Start a second purger on a copy of the database, for the fault and the test that need one."""

from pathlib import Path

from stack.databases.database import Database
from stack.processes.server import Server
from stack.purger import Purger


class RivalPurger(Purger):
    """A purger on a server that does not speak for the database. It keeps running although it reports that."""

    def __init__(self, directory: Path, database: Database) -> None:
        super().__init__(directory, database, options={"PURGER_HEARTBEAT_INTERVAL": "0.5"})

    def after_start_check(self) -> bool:
        """Tell whether it has logged anything: that it polls the database, or why it does not."""
        return Server.after_start_check(self) and bool(self.log_text())

"""Purgers that should not be."""

from pathlib import Path

from stack.database import Database
from stack.purger import Purger
from stack.server import Server


class RivalPurger(Purger):
    """A purger on another server than the one that speaks. It runs whatever it says of that."""

    def __init__(self, directory: Path, database: Database) -> None:
        super().__init__(directory, database, options={"PURGER_HEARTBEAT_INTERVAL": "0.5"})

    def after_start_check(self) -> bool:
        """Whether it has said anything: that it watches, or why it does not."""
        return Server.after_start_check(self) and bool(self.log_text())

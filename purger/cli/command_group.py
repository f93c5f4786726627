"""Imports a command once it is called, and rejects a misspelled one without guessing, which may do the opposite."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import click

from takedown_base.options import Program

#: The commands to name for a word that people type and that is no command.
_MEANT = {
    "unban": "purger lift",
    "unlift": "purger ban",
    "block": "purger ban",
    "unblock": "purger lift",
    "list": "purger bans, purger edge list",
    "log": "purger bans, purger receipts",
    "purge": "purger ban, purger flush",
}


class CommandGroup(Program):
    """A group that imports a command once it is called, and answers an unknown one with those that exist.

    Each command has a module of its name, with ``_`` for ``-``. Importing all of them takes twice as long as the
    one that was typed.
    """

    def __init__(self, *arguments: Any, package: str, names: Iterable[str], **settings: Any) -> None:
        """Take the package with the commands' modules and the names of the commands, beside click's own arguments."""
        super().__init__(*arguments, **settings)
        self._package = package
        self._names = set(names)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names of all commands in alphabetical order, without an import of any."""
        return sorted(self._names.union(super().list_commands(ctx)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name. None: there is no such command."""
        if cmd_name in self._names and cmd_name not in self.commands:
            module = cmd_name.replace("-", "_")
            self.add_command(getattr(import_module(f"{self._package}.{module}"), module))
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command as ``click.Group`` does. Raises ``click.UsageError`` for one that does not exist."""
        name = str(args[0])
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            known = _MEANT.get(name) or ", ".join(self.list_commands(ctx))
            ctx.fail(f"there is no command {name!r}: see {known}")
        return super().resolve_command(ctx, args)

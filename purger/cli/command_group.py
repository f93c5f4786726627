"""Rejects a misspelled command without guessing, which may do the opposite."""

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
    """A command line that answers an unknown command with those that exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command as ``click.Group`` does. Raises ``click.UsageError`` for one that does not exist."""
        name = str(args[0])
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            known = _MEANT.get(name) or ", ".join(self.list_commands(ctx))
            ctx.fail(f"there is no command {name!r}: see {known}")
        return super().resolve_command(ctx, args)

"""The group of commands that never suggests a command: the one that is spelled most alike may do the opposite."""

import click

#: What people type for a command that has another name.
_MEANT = {
    "unban": "purger lift",
    "unlift": "purger ban",
    "block": "purger ban",
    "unblock": "purger lift",
    "list": "purger bans, purger edge list",
    "log": "purger bans, purger receipts",
    "purge": "purger ban, purger flush",
}


class Commands(click.Group):
    """Names the commands that there are, in the place of guesses."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command as ``click.Group`` does. Raises ``click.UsageError`` for one that does not exist."""
        name = str(args[0])
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            known = _MEANT.get(name) or ", ".join(self.list_commands(ctx))
            ctx.fail(f"there is no command {name!r}: see {known}")
        return super().resolve_command(ctx, args)

"""Defines the arguments by which commands take their subject: a code, or an owner's key."""

import click

from takedown_db.printable import printable
from takedown_db.scope import Scope
from takedown_db.subject_keys import hint_for_code, is_key

code_argument = click.argument("code", required=False)
owner_option = click.option(
    "--owner", metavar="KEY", help="All images of this owner, also those that come later, in the place of one code."
)


class SubjectCommand(click.Command):
    """A command whose code may begin with a dash."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as ``click.Command`` does. The error for a code that was taken for an option says how to give it."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            code = next((each for each in given if each.startswith(error.option_name) and is_key(each)), None)
            if code is None:
                raise
            hint = f"If {code} is a code, put -- before it: `{ctx.command_path} -- {code}`"
            raise click.UsageError(f"{error.format_message()} {hint}", ctx) from error


def read_subject(code: str | None, owner: str | None) -> tuple[Scope, str]:
    """Check a command's code or owner, and return scope and subject. Raises ``click.UsageError``."""
    if (code is None) == (owner is None):
        raise click.UsageError("give either a code or --owner KEY")
    scope, subject = (Scope.IMAGE, str(code)) if owner is None else (Scope.OWNER, owner)
    if not is_key(subject):
        kind = "a code" if scope is Scope.IMAGE else "an owner's key"
        hint = hint_for_code(subject) if scope is Scope.IMAGE else ""
        raise click.UsageError(
            f"'{printable(subject)}' is not {kind}, which is 1 to 64 of A-Z a-z 0-9 _ - and nothing else{hint}"
        )
    return scope, subject

"""`purger console-password`: makes a line for the file of the console's users."""

import sys

import click

from purger.console.users.users import LONGEST_PASSWORD, NO_PASSWORD, Role, hash_password, is_name

_EXAMPLES = """\b
Examples:
purger console-password anna --role moderate >> /etc/purger/console-users
purger console-password wall --role look < password.txt >> /etc/purger/console-users
purger console-password anna@site.example --role moderate --no-password"""

#: Fewest characters of a password.
_SHORTEST = 10


@click.command(epilog=_EXAMPLES)
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.LOOK.value,
    show_default=True,
    help="Let the user only look, or ban, lift and purge again as well.",
)
@click.option(
    "--no-password",
    is_flag=True,
    help="Make the line of a user whom the proxy in front names, and who has no password.",
)
def console_password(name: str, role: str, no_password: bool) -> None:
    """Print the line of user NAME for the file that `purger run --console-users` reads.

    Asks for a password of at least 10 characters, or reads it from the standard input. The line holds its Argon2id hash
    with a salt. Put it into the file instead of the user's former line: a running console reads the file again.
    """
    if not is_name(name):
        raise click.UsageError(f"{name!r} is not 1 to 64 of A-Z a-z 0-9 . _ @ + -")
    hashed = NO_PASSWORD if no_password else hash_password(_password())
    click.echo(f"{name}:{role}:{hashed}")


def _password() -> str:
    if sys.stdin.isatty():
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not _SHORTEST <= len(password) <= LONGEST_PASSWORD // 4:
        raise click.UsageError(f"a password has {_SHORTEST} to {LONGEST_PASSWORD // 4} characters")
    return password

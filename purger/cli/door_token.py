"""`purger door-token`: makes a token of a client of the door, and the client's table for the door's file."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from purger.door.clients import is_client_name, new_token
from takedown_base.scope import Scope

_EXAMPLES = """\b
Examples:
purger door-token coop --token-file coop.token --ban image >> /etc/edge-takedown/door.toml
purger door-token board --token-file board.token --read image --read owner --others"""


def _scopes(right: str, text: str) -> Callable[[Any], Any]:
    choice = click.Choice([scope.value for scope in Scope])
    return click.option(f"--{right}", right, multiple=True, type=choice, help=text)


@click.command(epilog=_EXAMPLES)
@click.argument("name")
@click.option(
    "--token-file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the token into this new file, which only you can read: the client needs it, and the door does not.",
)
@_scopes("ban", "Let it ban this scope; may be given several times.")
@_scopes("lift", "Let it lift bans of this scope, of those that it has ordered.")
@_scopes("read", "Let it read takedowns of this scope, of those that it has ordered.")
@click.option("--others", is_flag=True, help="Let it lift and read also what others have ordered.")
@click.option("--owner", "owners", multiple=True, help="Limit it to images of this owner; may be given several times.")
def door_token(
    name: str,
    token_file: Path,
    ban: tuple[str, ...],
    lift: tuple[str, ...],
    read: tuple[str, ...],
    others: bool,
    owners: tuple[str, ...],
) -> None:
    """Make a token for the client NAME, and print the client's table for the file that `purger door --tokens` reads.

    The file holds only the token's hash. A running door reads the file again.
    """
    if not is_client_name(name):
        raise click.UsageError(f"{name!r} is not 1 to 64 of A-Z a-z 0-9 _ . -")
    token, line = new_token()
    try:
        descriptor = os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{token}\n")
    except OSError as error:
        raise click.ClickException(f"{token_file} cannot be made: {error.strerror}") from None
    header = f'["{name}"]' if "." in name else f"[{name}]"
    lines = [header, f'tokens = ["{line}"]']
    lines += [f"{right} = {_list(scopes)}" for right, scopes in (("ban", ban), ("lift", lift), ("read", read))]
    if others:
        lines.append("others = true")
    if owners:
        lines.append(f"owners = {_list(owners)}")
    click.echo("\n".join(lines))


def _list(texts: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"

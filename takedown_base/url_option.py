"""Reads the database URL of a command line from the flag, the environment, a file or a systemd credential."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from takedown_base.secret_files import UnreadableSecretError, exposure, read_secret


class DatabaseUrlOption(click.Option):
    """An option whose value is a database URL, or stands in a file: a command line is visible to every user.

    Without the flag, each of the option's variables NAME is tried in this order: NAME, the file whose path is in
    NAME_FILE, the systemd credential NAME.
    """

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Search the environment, and the files that it names. Raises ``click.UsageError`` for an unreadable file."""
        names: Sequence[str] = [self.envvar] if isinstance(self.envvar, str) else self.envvar or []
        for name in names:
            if value := os.environ.get(name):
                return value
            if file := _secret_file(name):
                return _read(name, file)
        return super().resolve_envvar_value(ctx)


def _secret_file(name: str) -> Path | None:
    if named := os.environ.get(f"{name}_FILE"):
        return Path(named)
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        return None
    if not Path(directory).is_dir():
        # systemd mounts it, and a mount of its own arrives in a service only where / is shared. On a machine it sees to
        # that by itself; in a container it leaves that to who starts the container.
        raise click.UsageError(
            f"{name}: {directory}, the directory of systemd's credentials, is not there. In a container that boots "
            "systemd run `mount --make-rshared /` before systemd starts"
        )
    credential = Path(directory, name)
    return credential if credential.is_file() else None


def _read(name: str, file: Path) -> str:
    try:
        value = read_secret(file)
    except UnreadableSecretError as error:
        raise click.UsageError(f"{name}: {error}") from None
    if warning := exposure(file):
        click.echo(f"warning: {warning}", err=True)
    return value.strip()

"""Options that both command lines have: an address to listen on, the format of the log, and a database's URL."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click

from takedown_base.listen_address import Address, parse_address
from takedown_base.log_format import FORMATS
from takedown_base.secret_files import UnreadableSecretError, exposure, read_secret

Value = TypeVar("Value")


class Program(click.Group):
    """A command line whose errors of usage are one line: the fault, and the command whose --help says more.

    It imports a command once it is called: importing all of them takes twice as long as the one that was typed.
    """

    def __init__(self, *arguments: Any, functions: Mapping[str, str], **settings: Any) -> None:
        """Take the function of each command by the command's name, as ``module:function``, beside click's arguments."""
        super().__init__(*arguments, **settings)
        self._functions = functions

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """List the names of all commands in alphabetical order, without an import of any."""
        return sorted(self._functions)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name. None: there is no such command."""
        if cmd_name in self._functions and cmd_name not in self.commands:
            module, _, function = self._functions[cmd_name].partition(":")
            self.add_command(getattr(import_module(module), function))
        return super().get_command(ctx, cmd_name)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the options before the command. Raises ``click.UsageError``."""
        with _in_one_line():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Read the rest, and run the command. Raises ``click.UsageError``."""
        with _in_one_line():
            return super().invoke(ctx)


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        if error.ctx is None:
            raise
        text = " ".join(error.format_message().split())
        raise click.UsageError(f"{text.removesuffix('.')} (`{error.ctx.command_path} --help`)") from None


class Parsed(click.ParamType[Value]):
    """A value that a function reads from its text. Its ``ValueError`` has the reason, which click shows."""

    def __init__(self, name: str, read: Callable[[str], Value]) -> None:
        """Take the name of the values in --help, and the function."""
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a value. One that is no text, such as a default, was read before."""
        try:
            return self._read(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


def address_type(host: str | None = None) -> Parsed[Address]:
    """Make the type of an address to listen on; with a default ``host`` a mere port will do."""
    return Parsed("HOST:PORT", partial(parse_address, host=host))


def log_format_option(envvar: str) -> Callable[[Any], Any]:
    """Declare ``--log-format``, which can also be set by the variable ``envvar``."""
    return click.option(
        "--log-format",
        type=click.Choice(FORMATS),
        default=FORMATS[0],
        envvar=envvar,
        show_default=True,
        show_envvar=True,
        help="Log one line an event as text, for people, or as JSON, for machines.",
    )


class DatabaseUrlOption(click.Option):
    """An option for a database's URL, which a file may hold: every user of a machine sees its command lines.

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
        # systemd mounts it, and a mount of its own arrives in a service only where / is shared. On a machine
        # systemd sees to that; in a container the operator has to.
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

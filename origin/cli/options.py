"""Defines types and helpers for the options of the command line ``origin``."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from origin.added_headers import parse_header
from origin.model import Header
from origin.stores.location import Location, parse_location
from takedown_base.name_codes import code_of_name
from takedown_base.options import DatabaseUrlOption
from takedown_base.secret_files import exposure
from takedown_base.subject_keys import CODE_ALPHABET, is_key
from takedown_db.connection.expected_accounts import expecting

Command = TypeVar("Command", bound=Callable[..., Any])

DIRECTORY = click.Path(file_okay=False, path_type=Path)
_URL_FORM = (
    "mysql://user:password@host/name (for a socket, localhost and ?unix_socket=PATH). Better in a file, whose path is "
    "in the variable with _FILE added to its name"
)


class HeaderType(click.ParamType[Header]):
    """A response header, 'Name: value'."""

    name = "HEADER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Header:
        """Read a header. Fails with the reason, which click shows."""
        try:
            return value if isinstance(value, tuple) else parse_header(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def split_envvar_value(self, rv: str) -> list[str]:
        """Split a variable into headers at its line breaks: click would split it at spaces."""
        return [line for line in rv.split("\n") if line.strip()]


class StoreType(click.ParamType[Location]):
    """The place of a store."""

    name = "URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Location:
        """Read a place. Fails with the reason, which click shows."""
        try:
            return value if isinstance(value, Location) else parse_location(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class NameType(click.ParamType[str]):
    """A code or an owner's key."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the alphabet and the length."""
        if not is_key(value):
            is_name = self.name == "CODE" and value.isprintable()
            hint = f"; the image that was imported by this name has the code {code_of_name(value)}" if is_name else ""
            self.fail(f"{value!a} is not {CODE_ALPHABET}{hint}", param, ctx)
        return str(value)


def setting(
    flag: str, help_: str, *, env: str | None = None, prefix: str = "ORIGIN_", **attributes: Any
) -> Callable[[Command], Command]:
    """Declare an option that can also be set in the environment: as ``env``, or as ``prefix`` and its name."""
    name = prefix + flag.removeprefix("--").replace("-", "_").upper()
    attributes.setdefault("show_default", attributes.get("default") is not None)
    envvar = [env, name] if env else name
    return click.option(flag, envvar=envvar, show_envvar=True, help=help_, **attributes)


def own_store(command: Command) -> Command:
    """Declare the options for the origin's own store. The command takes its place as ``store``, with its settings."""
    option = click.option(
        "--store",
        envvar="ORIGIN_STORE",
        show_envvar=True,
        required=True,
        type=StoreType(),
        help="The origin's own store of images: a directory (file:DIR), or the URL of a bucket (s3://BUCKET/PREFIX).",
    )
    return option(_store_settings("store", command))


def in_place(command: Command) -> Command:
    """Declare the options for the site's own tree. The command takes its place as ``in_place``, with its settings."""
    option = setting(
        "--in-place",
        "The site's own tree of images, a directory or the URL of a bucket. Renditions that have a path are read from"
        " it.",
        type=StoreType(),
    )
    return option(in_place_settings(command))


def in_place_settings(command: Command) -> Command:
    """Declare the option for the settings of the site's own bucket, for a command whose --in-place has no variable."""
    return _store_settings("in_place", command)


def _store_settings(name: str, command: Command) -> Command:
    """Declare the option for the settings of a store, and put their file's path into the store's place."""
    settings = f"{name}_settings"

    @functools.wraps(command)
    def with_settings(**arguments: Any) -> Any:
        file, place = arguments.pop(settings), arguments[name]
        if file is not None and place is not None and place.directory is None:
            if warning := exposure(file):
                click.echo(f"warning: {warning}", err=True)
            arguments[name] = replace(place, settings=file)
        return command(**arguments)

    flag = "--" + settings.replace("_", "-")
    help_ = "File with settings and credentials of a bucket, a name=value a line, in the names of the library obstore."
    option = setting(flag, help_, type=click.Path(dir_okay=False, path_type=Path))
    return option(cast(Command, with_settings))


def database_url(account: str, env: str | None = None, *, remark: str = "") -> Callable[[Command], Command]:
    """Declare the option for the database URL, which every command needs."""
    return setting(
        "--database-url",
        f"{_URL_FORM}; account {account}{remark}.",
        env=env,
        required=True,
        metavar="URL",
        cls=DatabaseUrlOption,
        callback=expecting(account, env or "ORIGIN_DATABASE_URL"),
    )

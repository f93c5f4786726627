"""Defines types and helpers for the options of the command line ``origin``."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from origin.added_headers import parse_header
from origin.model import Header
from origin.stores.location import parse_location
from takedown_base.name_codes import code_of_name
from takedown_base.options import DatabaseUrlOption, Parsed
from takedown_base.secret_files import exposure
from takedown_base.subject_keys import CODE_ALPHABET, is_key
from takedown_db.connection.errors import expecting

Command = TypeVar("Command", bound=Callable[..., Any])

_URL_FORM = (
    "mysql://user:password@host/name (for a socket, localhost and ?unix_socket=PATH). Better in a file, whose path is "
    "in the variable with _FILE added to its name"
)


class HeaderType(Parsed[Header]):
    """A response header, 'Name: value'."""

    def __init__(self) -> None:
        super().__init__("HEADER", parse_header)

    def split_envvar_value(self, rv: str) -> list[str]:
        """Split a variable into headers at its line breaks: click would split it at spaces."""
        return [line for line in rv.split("\n") if line.strip()]


#: The place of a store.
STORE = Parsed("URL", parse_location)


def _owner(text: str) -> str:
    if not is_key(text):
        raise ValueError(f"{text!a} is not {CODE_ALPHABET}")
    return text


def _code(text: str) -> str:
    if text.isprintable() and not is_key(text):
        raise ValueError(
            f"{text!a} is not {CODE_ALPHABET}; the image that was imported by this name has the code "
            f"{code_of_name(text)}"
        )
    return _owner(text)


#: A code, and an owner's key.
CODE, OWNER = Parsed("CODE", _code), Parsed("KEY", _owner)


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
    return _own_store(command, "", required=True)


def own_store_unless_rules(command: Command) -> Command:
    """Declare the same options for `origin serve`, which may have no store."""
    return _own_store(command, " Not needed with --rules, where nothing is imported.", required=False)


def _own_store(command: Command, remark: str, *, required: bool) -> Command:
    option = click.option(
        "--store",
        envvar="ORIGIN_STORE",
        show_envvar=True,
        required=required,
        type=STORE,
        help="The origin's own store of images: a directory (file:DIR), or the URL of a bucket (s3://BUCKET/PREFIX)."
        + remark,
    )
    return option(_store_settings("store", command))


def in_place(command: Command) -> Command:
    """Declare the options for the site's own tree. The command takes its place as ``in_place``, with its settings."""
    option = setting(
        "--in-place",
        "The site's own tree of images, a directory or the URL of a bucket. Renditions that have a path are read from"
        " it.",
        type=STORE,
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


def database_url(
    account: str, env: str | None = None, *, remark: str = "", required: bool = True
) -> Callable[[Command], Command]:
    """Declare the option for the database URL, which nearly every command needs."""
    return setting(
        "--database-url",
        f"{_URL_FORM}; account {account}{remark}.",
        env=env,
        required=required,
        metavar="URL",
        cls=DatabaseUrlOption,
        callback=expecting(account, env or "ORIGIN_DATABASE_URL"),
    )

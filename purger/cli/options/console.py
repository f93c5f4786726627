"""Defines the options of `purger run` for the console."""

import functools
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from purger.console.users.settings import ConsoleSettings, UnusableConsoleError
from purger.console.users.users import Role, User, hash_password
from takedown_base.options import DatabaseUrlOption, address_type
from takedown_db.connection.errors import expecting

_FILE = click.Path(path_type=Path)

#: The user of a console without a file of users.
_FIRST_USER = "moderator"

_OPTIONS = (
    click.option(
        "--console",
        type=address_type("127.0.0.1"),
        envvar="PURGER_CONSOLE",
        show_envvar=True,
        help="Serve pages for people on this address: the state of edges and takedowns, and images as each edge shows "
        "them. Loopback, unless TLS is in front.  [default: no console]",
    ),
    click.option(
        "--console-users",
        type=_FILE,
        envvar="PURGER_CONSOLE_USERS",
        show_envvar=True,
        help="File with the console's users, a line of `purger console-password` each. Read again when it changes.  "
        "[default: one moderator, with a password that is printed at the start]",
    ),
    click.option(
        "--console-url",
        metavar="URL",
        envvar="PURGER_CONSOLE_URL",
        show_envvar=True,
        help="URL under which browsers see the console, where a proxy is in front: requests for other hosts are "
        "refused, and with https:// cookies are sent only over TLS.  [default: the address]",
    ),
    click.option(
        "--console-moderation-url",
        envvar="PURGER_CONSOLE_MODERATION_URL",
        show_envvar=True,
        cls=DatabaseUrlOption,
        callback=expecting("takedown_moderation", "PURGER_CONSOLE_MODERATION_URL"),
        metavar="URL",
        help="mysql://... of an account of moderation, which the log of moderation will name. Better in a file, whose "
        "path is in PURGER_CONSOLE_MODERATION_URL_FILE.  [default: none, and nobody can ban in the console]",
    ),
    click.option(
        "--console-proxy-header",
        metavar="NAME",
        envvar="PURGER_CONSOLE_PROXY_HEADER",
        show_envvar=True,
        help="Header by which a proxy in front names the user, such as X-Remote-User; nobody signs in by password "
        "then.  [default: none]",
    ),
    click.option(
        "--console-proxy-token-file",
        type=_FILE,
        envvar="PURGER_CONSOLE_PROXY_TOKEN_FILE",
        show_envvar=True,
        help="File with the token of 20 characters or more that this proxy sends as Takedown-Proxy-Token, as anybody "
        "on the machine could name a user otherwise.",
    ),
)


def console_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as ``console``: ``ConsoleSettings``, or None."""

    @functools.wraps(command)
    def taking_console(*args: Any, console: Any, console_users: Path | None, **others: Any) -> Any:
        given = {name: others.pop(f"console_{name}") for name in ("url", "moderation_url", "proxy_header")}
        given["proxy_token"] = others.pop("console_proxy_token_file")
        settings = None
        if console is not None:
            password = secrets.token_urlsafe(12)
            users = console_users or User(_FIRST_USER, Role.MODERATE, hash_password(password))
            settings = ConsoleSettings(listen=console, users=users, **given)
            try:
                settings.check()
            except UnusableConsoleError as error:
                raise click.UsageError(str(error)) from None
            if console_users is None:
                # To people, and not into the log: logs are kept, and read elsewhere.
                until = "until this purger ends; --console-users names a file of lasting users"
                click.echo(f"console: sign in as {_FIRST_USER} with the password {password} ({until})", err=True)
        return command(*args, console=settings, **others)

    for option in reversed(_OPTIONS):
        taking_console = option(taking_console)
    return taking_console

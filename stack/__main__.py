"""Run the whole system on loopback until Ctrl-C: ``python -m stack run``, which is ``./dev run``."""

import fcntl
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from stack.console import MODERATOR
from stack.processes.server import PortTakenError, ServerFailedError
from stack.system import CLUSTERS, Stack, StackSettings
from takedown_base.signals import STOP_SIGNALS, SignalQueue

Command = TypeVar("Command", bound=Callable[..., Any])

_MARKER = ".edge-takedown-stack"


@click.group(context_settings={"auto_envvar_prefix": "STACK", "show_default": True})
@click.option(
    "--dir", "directory", envvar="STACK_DIR", show_envvar=True, default=".stack", type=click.Path(path_type=Path)
)
@click.pass_context
def main(context: click.Context, directory: Path) -> None:
    """Run Edge Takedown on this machine: a private MariaDB, the origin, Varnish and the purger."""
    context.obj = directory.absolute()


def _port(flag: str, default: int, meaning: str) -> Callable[[Command], Command]:
    envvar = "STACK" + flag.removeprefix("-").replace("-", "_").upper()
    port = click.IntRange(0, 65535)
    return click.option(
        flag, type=port, default=default, envvar=envvar, show_envvar=True, help=f"{meaning}; 0: any free one."
    )


@main.command()
@click.option(
    "--edges", envvar="STACK_EDGES", type=click.IntRange(min=1), default=1, show_envvar=True, help="Number of edges."
)
@_port("--edge-port", 6181, "Public port of the first edge")
@_port("--purge-port", 6182, "Purge port of the first edge")
@_port("--origin-port", 6183, "Port of the origin")
@_port("--ingest-port", 6184, "Port of the upload listener")
@_port("--console-port", 6190, "Port of the purger's console")
@_port("--door-port", 6191, "Port of the door for programs")
@click.option(
    "--store",
    envvar="STACK_STORE",
    type=click.Choice(["directory", "s3"]),
    default="directory",
    show_envvar=True,
    help="Where the origin keeps images: a directory, or a private object store (SeaweedFS) that speaks S3.",
)
@click.option(
    "--cluster",
    envvar="STACK_CLUSTER",
    type=click.Choice(list(CLUSTERS)),
    show_envvar=True,
    help="Run the database on three nodes: Galera (MariaDB), or Group Replication (MySQL; STACK_MYSQLD names mysqld).",
)
@click.pass_obj
def run(directory: Path, /, **settings: Any) -> None:
    """Start everything with sample images, print the addresses, then "ready", and keep running until Ctrl-C."""
    signals = SignalQueue(STOP_SIGNALS)
    try:
        with _own(directory), Stack(directory, StackSettings(**settings)) as stack:
            _write_private(directory / "env", _environment(stack))
            click.echo(_welcome(stack, directory))
            while signals.wait(0.5) is None:
                stack.check()
            click.echo("stopping")
    except PortTakenError as error:
        raise click.ClickException(
            f"{error}\n(ports are set with STACK_EDGE_PORT, STACK_PURGE_PORT, STACK_ORIGIN_PORT, "
            "STACK_INGEST_PORT, STACK_CONSOLE_PORT, STACK_DOOR_PORT)"
        ) from error
    except (ServerFailedError, OSError) as error:  # a TimeoutError and a missing command are OSErrors
        raise click.ClickException(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise click.ClickException(f"{error}\n{error.stderr or ''}") from error


@contextmanager
def _own(directory: Path) -> Iterator[None]:
    """Empty the directory and lock it for this process. Raises ``ClickException`` for one that no stack has made."""
    if directory.exists() and any(directory.iterdir()) and not (directory / _MARKER).exists():
        raise click.ClickException(f"{directory} is neither empty nor an earlier stack's; set STACK_DIR to another one")
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)  # passwords, a token and the database's socket lie in it
    with (directory / _MARKER).open("w") as marker:
        try:
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise click.ClickException(f"another stack is running in {directory}; stop it or set STACK_DIR") from None
        for entry in directory.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != _MARKER:
                entry.unlink()
        try:
            yield
        finally:
            (directory / "env").unlink(missing_ok=True)


def _write_private(file: Path, variables: Mapping[str, str]) -> None:
    """Write ``NAME=value`` lines that nobody but the file's owner may read: one value holds a password."""
    file.touch(mode=0o600, exist_ok=False)
    file.write_text("".join(f"{name}={_shell_word(value)}\n" for name, value in variables.items()))


def _shell_word(value: str) -> str:
    """Quote a value for an assignment in a shell, where it needs quotes."""
    return value if re.fullmatch(r"[\w@%+=:,./?-]*", value, re.ASCII) else shlex.quote(value)


def _environment(stack: Stack) -> dict[str, str]:
    owner, codes = next(iter(stack.codes.items()))
    return {
        "EDGE_URL": stack.edge.url,
        "PURGE_URL": stack.edge.purge_url,
        "PURGE_TOKEN_FILE": str(stack.edge.token_file),
        "ORIGIN_URL": stack.origin.url,
        **({"INGEST_URL": stack.ingest.url, "INGEST_TOKEN_FILE": str(stack.ingest.token_file)} if stack.ingest else {}),
        **({"CONSOLE_URL": stack.console.url, "CONSOLE_PASSWORD": stack.console.password} if stack.console else {}),
        **({"DOOR_URL": stack.door.url, "DOOR_TOKEN_FILE": str(stack.door.token_file)} if stack.door else {}),
        "DB_SOCKET": str(stack.database.socket),
        "DB_NAME": stack.database.name_of_database,
        "DB_URL": stack.database.url("moderation"),
        **_settings_of_commands(stack),
        "PROOF_PUBLIC_KEY": str(stack.log_key.verifier()),
        "SAMPLE_CODE": codes[0],
        "SAMPLE_OWNER": owner,
        **({"STORE_URL": stack.store.url, "STORE_SETTINGS": str(stack.store.settings)} if stack.store else {}),
    }


def _settings_of_commands(stack: Stack) -> dict[str, str]:
    """Return the variables with which the commands `origin` and `purger` use this stack."""
    return {
        "PURGER_ADMIN_URL": stack.database.admin_url(),
        "PURGER_DATABASE_URL": stack.database.url("purger"),
        "PURGER_MODERATION_URL": stack.database.url("moderation"),
        "PURGER_DOOR_DATABASE_URL": stack.database.url("door"),
        "PURGER_LOG_KEY_FILE": str(stack.directory / "log-key"),
        "ORIGIN_DATABASE_URL": stack.database.url("origin"),
        "ORIGIN_IMPORT_DATABASE_URL": stack.database.url("import"),
        "ORIGIN_STORE": f"file:{stack.origin.files}",
        **(stack.store.origin_options() if stack.store else {}),
    }


def _welcome(stack: Stack, directory: Path) -> str:
    codes = next(iter(stack.codes.values()))
    database, *nodes = stack.database.clients()
    lines = [
        f"an image    {stack.edge.url}/images/{codes[0]}",
        f"thumbnail   {stack.edge.url}/images/{codes[0]}/thumb",
        *(f"edge        {edge.url}  (purges: {edge.purge_url})" for edge in stack.edges),
        f"origin      {stack.origin.url}",
        *([f"uploads     {stack.ingest.url}  (token: {stack.ingest.token_file})"] if stack.ingest else []),
        *([f"store       {stack.store.url} at {stack.store.endpoint}"] if stack.store else []),
        *([f"console     {stack.console.url}  ({MODERATOR}, {stack.console.password})"] if stack.console else []),
        *([f"door        {stack.door.url}  (token: {stack.door.token_file})"] if stack.door else []),
        f"database    {database}",
        *(f"node        {node}" for node in nodes),
        f"take down   {database} -e \"INSERT INTO bans (scope, subject) VALUES ('image', '{codes[0]}')\"",
        f"lift        {database} -e \"UPDATE bans SET lifted_at = UTC_TIMESTAMP() WHERE subject = '{codes[0]}'\"",
        f"variables   {directory / 'env'}",
        "ready",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(prog_name="./dev"))

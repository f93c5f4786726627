"""Defines the options that hold the settings of an edge, checks them, and warns of doubtful ones."""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click

from purger.edge.url import is_private, shown, split_url
from purger.model import Edge
from takedown_base.options import Parsed
from takedown_base.printable import printable
from takedown_base.secret_files import exposure

Command = TypeVar("Command", bound=Callable[..., Any])

#: The width in characters of each column that holds a setting.
_LONGEST = 255


def _url(text: str) -> str:
    split_url(text)
    return text.rstrip("/")


def _file(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    # An empty path stays empty: it removes a file that was set before.
    return str(Path(value).absolute()) if value else value


def settings_options(*, required: bool) -> Callable[[Command], Command]:
    """Make the options of ``edge add`` (``required``) and of ``edge set``."""
    options = [*_listener_options(required=required), *_TLS_OPTIONS]

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _listener_options(*, required: bool) -> list[Callable[[Command], Command]]:
    return [
        click.option(
            "--purge-url",
            required=required,
            type=Parsed("URL", _url),
            help="The edge's listener `purge`, as the purger reaches it; https:// off a trusted network, since the "
            "token is sent with each request.",
        ),
        click.option(
            "--public-url",
            required=required,
            type=Parsed("URL", _url),
            help="The edge's listener `public`, from which the purger requests banned images to prove that they are "
            "gone.",
        ),
        click.option(
            "--token-file",
            required=required,
            callback=_file,
            metavar="FILE",
            help="Holds the edge's token on its first line. It is on the purger's machine, as all files here: the "
            "database holds no secret of an edge.",
        ),
    ]


_TLS_OPTIONS = [
    click.option(
        "--ca-file",
        callback=_file,
        metavar="FILE",
        help="PEM file of the private authority that signed the edge's certificate. For the public URL it is trusted "
        "besides the system's.  [default: those of the system]",
    ),
    click.option(
        "--certificate-file",
        callback=_file,
        metavar="FILE",
        help="PEM file of the certificate that identifies this purger to the edge, where the edge asks for one.",
    ),
    click.option(
        "--key-file",
        callback=_file,
        metavar="FILE",
        help="PEM file of the private key of --certificate-file.  [default: in the file of the certificate]",
    ),
]


def require_usable(edge: Edge) -> None:
    """Check the settings of an edge against each other. Raises ``click.UsageError``."""
    if edge.key_file and not edge.certificate_file:
        raise click.UsageError("--key-file needs --certificate-file")
    if not edge.token_file:
        raise click.UsageError("--token-file cannot be empty")
    purge, public = edge.purge_url.startswith("https:"), edge.public_url.startswith("https:")
    if (edge.certificate_file and not purge) or (edge.ca_file and not purge and not public):
        raise click.UsageError("--ca-file and --certificate-file are for a URL that begins with https://")
    for name, value in asdict(edge).items():
        if value and len(value) > _LONGEST:
            raise click.UsageError(f"--{name.replace('_', '-')} is longer than {_LONGEST} characters")


def warn_of_doubts(edge: Edge) -> None:
    """Print a warning on stderr for each doubt about the settings of an edge."""
    for doubt in doubts(edge):
        click.echo(f"warning: {printable(doubt)}", err=True)


def doubts(edge: Edge) -> Iterator[str]:
    """List doubts: files that this machine cannot read or should not show, and a token that is sent unencrypted."""
    secret = (edge.token_file, edge.key_file)
    for file in (edge.token_file, edge.ca_file, edge.certificate_file, edge.key_file):
        if not file:
            continue
        if not os.access(file, os.R_OK) or not Path(file).is_file():
            yield f"{file} is not there or not readable, as seen from this machine"
        elif not Path(file).stat().st_size:
            yield f"{file} is empty"
        elif file in secret and (exposed := exposure(Path(file))):
            yield exposed
    if edge.purge_url.startswith("http:") and not is_private(edge.purge_url):
        yield (
            f"the token goes to {shown(edge.purge_url)} unencrypted, and whoever answers there is taken for the edge: "
            "use https:// with --ca-file, unless you trust every network between"
        )

"""Prints remarks for people on stderr, beside the result of a command."""

import click


def remark(line: str) -> None:
    """Print a line on stderr, so that stdout holds results alone."""
    click.echo(line, err=True)

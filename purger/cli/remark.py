"""Prints remarks for people on stderr, beside the result of a command."""

import click


def remark(line: str) -> None:
    """Print a line on stderr, so that stdout holds only results."""
    click.echo(line, err=True)

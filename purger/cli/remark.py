"""Prints remarks on what needs attention."""

import click


def remark(line: str) -> None:
    """Print a line on stderr, so that stdout holds results alone."""
    click.echo(line, err=True)

"""`origin show`: what is known of one image."""

import sys

import click

from origin.cli.options import CODE, database_url
from origin.image_report import describe, read_report
from takedown_base.json_output import print_json
from takedown_db.connection.command_connection import connected
from takedown_db.connection.connect import connect


@click.command("show", epilog="\b\nExamples:\norigin show kX3_vQ\norigin show kX3_vQ --json")
@click.argument("code", type=CODE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@database_url("takedown_origin")
def show_command(code: str, as_json: bool, database_url: str) -> None:
    """Show the owner, the bans, the last change and the renditions of an image.

    The exit code is 1 where there is neither an image nor a ban of that code.
    """
    with connected(connect, database_url) as connection:
        report = read_report(connection, code)
    if as_json:
        print_json(report)
    else:
        for label, text in describe(report):
            click.echo(f"{label:14}{text}")
    sys.exit(0 if report.known else 1)

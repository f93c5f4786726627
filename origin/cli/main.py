"""Defines the command line ``origin``, and its command ``show``."""

import logging
import sys

import click

from origin.cli.erase import erase_command
from origin.cli.import_ import import_command
from origin.cli.ingest import ingest_command
from origin.cli.options import CODE, database_url
from origin.cli.renditions import renditions_command
from origin.cli.serve import serve_command
from origin.cli.verify import verify_command
from origin.image_report import describe, read_report
from takedown_base.json_output import print_json
from takedown_base.log_format import set_up_logging
from takedown_base.options import Program
from takedown_db.connection.command_connection import connected
from takedown_db.connection.connect import connect


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="edge-takedown")
def main() -> None:
    """Serve images that can be taken down at once: the origin behind the edge."""
    set_up_logging("text")
    # The driver logs at each connection how it logs in.
    logging.getLogger("mysql.connector").setLevel(logging.WARNING)


main.add_command(serve_command)
main.add_command(import_command)
main.add_command(ingest_command)
main.add_command(renditions_command)
main.add_command(verify_command)
main.add_command(erase_command)


@main.command("show", epilog="\b\nExamples:\norigin show kX3_vQ\norigin show kX3_vQ --json")
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

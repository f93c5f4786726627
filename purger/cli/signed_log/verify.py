"""`purger verify`: checks a file of the log, and prints what it proves."""

import sys
from pathlib import Path

import click

from purger.exit_codes import ExitCode
from takedown_base.json_output import print_json
from takedown_base.printable import printable
from takedown_log.check import check_file

_EXAMPLES = """\b
Examples:
purger verify abc123.proof --key images.example/takedowns+1f0b2c3d+AYxJ...
purger verify abc123.proof --key images.example/takedowns+1f0b2c3d+AYxJ... --page abc123.html
purger verify growth --key images.example/takedowns+1f0b2c3d+AYxJ... --checkpoint mine"""

_READABLE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command(epilog=_EXAMPLES)
@click.argument("file", type=_READABLE)
@click.option(
    "--key", required=True, metavar="PUBLIC", help="The public half of the log's key, as `purger key` printed it."
)
@click.option(
    "--checkpoint",
    "held",
    multiple=True,
    type=_READABLE,
    help="A checkpoint that you hold, of `purger checkpoint`: the file must speak of this very state of the log.",
)
@click.option(
    "--witness",
    "witnesses",
    multiple=True,
    metavar="PUBLIC",
    help="The public key of a witness, which must have signed the checkpoint (c2sp.org/tlog-cosignature).",
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page in HTML to print, for a court, with all that the proof shows and all that it does not.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def verify(
    file: Path, key: str, held: tuple[Path, ...], witnesses: tuple[str, ...], page: Path | None, as_json: bool
) -> None:
    """Check a file of `purger prove` or `purger checkpoint` against a public key, and print what it proves.

    Needs no database and no network. `python -m takedown_log` does the same with only the package takedown_log.

    Exit code 1: it does not hold; it was changed, or comes from another log. 3: it holds, but something is not proven,
    such as an edge that has not acknowledged.
    """
    try:
        checked = check_file(file, key, held=held, witnesses=witnesses, page=page)
    except ValueError as error:
        click.echo(f"NOT VALID: {printable(str(error))}", err=True)
        sys.exit(ExitCode.FAILED)
    except OSError as error:
        raise click.ClickException(f"{printable(error.filename)}: {error.strerror}") from None
    if as_json:
        print_json(checked.report())
    else:
        click.echo("\n".join(checked.lines()))
    sys.exit(ExitCode.DONE if checked.complete else ExitCode.ATTENTION)

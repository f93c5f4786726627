"""`purger key`: makes the key that signs the log."""

import sys
from pathlib import Path

import click

from purger.exit_codes import ExitCode
from purger.signed_log.key_file import write_key
from takedown_log.signed_note import NoteError, SignerKey

_EXAMPLES = """\b
Examples:
purger key /etc/purger/log-key --name images.example/takedowns
PURGER_LOG_KEY_FILE=/etc/purger/log-key purger run"""


@click.command(epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--name", required=True, help="Name of the log, which each of its checkpoints has: a host and a path, say."
)
def key(file: Path, name: str) -> None:
    """Make a key that signs the log, write it to FILE, and print its public half, to give to everybody.

    FILE must not exist, and only its owner can read it. `purger verify` needs the public half alone.
    """
    try:
        signer = SignerKey.generate(name)
        write_key(file, signer)
    except NoteError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        click.echo(f"Error: {file}: {error.strerror}", err=True)
        sys.exit(ExitCode.FAILED)
    click.echo(str(signer.verifier()))

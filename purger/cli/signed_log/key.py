"""`purger key`: makes the key that signs the log, or the one that replaces it."""

import sys
from pathlib import Path

import click

from purger.exit_codes import ExitCode
from purger.signed_log.keys import LogKey, UnusableKeyError, read_key, write_key
from takedown_log.signed_note import NoteError, SignerKey, name_next_key

_EXAMPLES = """\b
Examples:
purger key /etc/purger/log-key --name images.example/takedowns
PURGER_LOG_KEY_FILE=/etc/purger/log-key purger run
purger key /etc/purger/log-key-2 --after /etc/purger/log-key"""


@click.command(epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the log, which each of its checkpoints has: a host and a path, say.")
@click.option(
    "--after",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The key in this file is to be replaced, and signs the new one. The log keeps its name.",
)
def key(file: Path, name: str | None, after: Path | None) -> None:
    """Make a key that signs the log, write it to FILE, and print its public half, to give to everybody.

    FILE must not exist, and only its owner can read it. `purger verify` needs only the public half.

    With --after the log goes over to the new key when a `purger run` is started with it: start all of them with it.
    Whoever has the public half of the old key can verify with it for ever. Each key has at most one successor.
    """
    if (name is None) == (after is None):
        raise click.UsageError("give --name for the first key of a log, or --after for the next one")
    try:
        made = LogKey(SignerKey.generate(name)) if name is not None else _following(after)
        write_key(file, made)
    except (NoteError, UnusableKeyError) as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        click.echo(f"Error: {file}: {error.strerror}", err=True)
        sys.exit(ExitCode.FAILED)
    click.echo(str(made.signer.verifier()))


def _following(after: Path | None) -> LogKey:
    """Make the key after the one in a file. Raises ``UnusableKeyError``."""
    former = read_key(after or Path()).signer
    signer = SignerKey.generate(former.name)
    return LogKey(signer, name_next_key(former, signer.verifier()))

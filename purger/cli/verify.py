"""`purger verify`: checks the file of `purger prove`, and tells what it proves."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from purger.exit_codes import ExitCode
from takedown_db.json_output import print_json
from takedown_db.printable import printable
from takedown_log.findings import Told, find
from takedown_log.proof import Proof, ProofError, VerifiedProof
from takedown_log.proof import verify as verify_proof
from takedown_log.signed_note import NoteError, VerifierKey

#: No proof can hold these, whatever it says.
_NEVER = "Never proven: copies that browsers and other sites have kept, and what an edge showed at other times."

_EXAMPLES = """\b
Examples:
purger verify abc123.proof --key images.example/takedowns+1f0b2c3d+AYxJ..."""


@click.command(epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--key", required=True, metavar="PUBLIC", help="The public half of the log's key, as `purger key` printed it."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def verify(file: Path, key: str, as_json: bool) -> None:
    """Check a proof against a public key, and tell what it proves. Needs no database and no network.

    Exit code 1 says that the proof does not hold: it was changed, or comes from another log. 3 says that it holds, and
    that something is not proven, such as an edge that has not acknowledged.
    """
    try:
        verified = verify_proof(Proof.parse(file.read_text(encoding="utf-8")), VerifierKey.parse(key))
        story = find(verified)
    except (ProofError, NoteError, UnicodeDecodeError) as error:
        click.echo(f"NOT VALID: {printable(str(error))}", err=True)
        sys.exit(ExitCode.FAILED)
    lacking = [line for told in story for line in told.lacking()]
    if as_json:
        print_json(_report(verified, story))
    else:
        click.echo("\n".join(printable(line) for line in _lines(verified, story)))
    sys.exit(ExitCode.ATTENTION if lacking else ExitCode.DONE)


def _lines(verified: VerifiedProof, story: tuple[Told, ...]) -> Iterator[str]:
    state = verified.checkpoint
    leaves = f"{len(verified.leaves)} of the {state.size} leaves"
    yield f"VALID: {leaves} of the log {state.origin}, chosen at {verified.made_at}"
    for told in story:
        event = told.event
        subject = event.subject if event.subject is not None else "(erased)"
        by = f"{event.account or '(erased)'}" + (f" for {event.banned_by}" if event.banned_by else "")
        yield f"{event.at} {event.action} of {event.scope} {subject} by {by}" + (
            f": {event.reason}" if event.reason else ""
        )
        for edge in told.edges:
            gone = {True: f"seen gone at {edge.seen_at}", False: f"SHOWN at {edge.seen_at}", None: "not seen"}[
                edge.gone
            ]
            yield f"  {edge.edge}: acknowledged at {edge.acknowledged_at or 'no time'}, {gone}"
        for line in told.lacking():
            yield f"  Not proven: {line}"
    yield _NEVER


def _report(verified: VerifiedProof, story: tuple[Told, ...]) -> dict[str, object]:
    state = verified.checkpoint
    return {
        "log": state.origin,
        "size": state.size,
        "root": state.root.hex(),
        "made_at": verified.made_at,
        "events": [
            {
                **{name: getattr(told.event, name) for name in told.event.__slots__},
                "edges": [{name: getattr(edge, name) for name in edge.__slots__} for edge in told.edges],
                "not_proven": list(told.lacking()),
            }
            for told in story
        ],
    }

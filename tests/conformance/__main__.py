"""Hold a cache against docs/reference/protocol.md: ``python -m tests.conformance``, ``./dev conformance``."""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console

from tests.conformance.bench import Bench, Cache
from tests.conformance.peers import PEERS, Started, start
from tests.conformance.report import as_json, summary, table
from tests.conformance.run import CHECKS, run
from tests.conformance.scripted_origin import ScriptedOrigin
from tests.conformance.verdict import Result, Verdict


@click.command(context_settings={"show_default": True})
@click.option("--public", metavar="URL", help="Public listener of the cache, such as http://127.0.0.1:6081.")
@click.option("--purge", metavar="URL", help="Purge listener of the cache.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the token of the purge listener. Without it requests carry none.",
)
@click.option(
    "--origin",
    metavar="HOST:PORT",
    help="Address at which the suite plays the origin. The cache must have it as its backend.",
)
@click.option(
    "--site",
    metavar="HOST:PORT",
    help="Address at which the suite plays a site's own server, which the cache must have for every host. Without it "
    "the checks of the site's way are left out.",
)
@click.option("--lease", default=10.0, type=click.FloatRange(min=1), help="Lease in seconds that the cache was set to.")
@click.option(
    "--fail-safe-ttl",
    default=2.0,
    type=click.FloatRange(min=0.5),
    help="Fail-safe TTL in seconds that the cache was set to, shorter than the lease.",
)
@click.option("--rendition", default="thumb", help="Name of a rendition that the cache lets through.")
@click.option(
    "--peer",
    "peers",
    multiple=True,
    type=click.Choice(PEERS),
    help="Start this cache on loopback and check it, in place of --public, --purge and --origin; may be given again.",
)
@click.option("--check", "checks", multiple=True, metavar="NAME", help="Run this check alone; may be given again.")
@click.option("--json", "json_", is_flag=True, help="Print the results as JSON.")
def main(
    public: str | None,
    purge: str | None,
    token_file: Path | None,
    origin: str | None,
    site: str | None,
    lease: float,
    fail_safe_ttl: float,
    rendition: str,
    peers: tuple[str, ...],
    checks: tuple[str, ...],
    json_: bool,
) -> None:
    """Check that a cache is an edge: play its origin, send purges and requests, and judge each answer.

    The cache is flushed, and its position moved: use one that no purger sends to. The exit code is 0 only if every
    check passes.
    """
    if lease <= fail_safe_ttl:
        raise click.UsageError("the lease must be longer than the fail-safe TTL")
    if unknown := set(checks) - {check.name for check in CHECKS}:
        raise click.UsageError(f"no check is called {', '.join(sorted(unknown))}")
    results: dict[str, list[Result]] = {}
    console = Console(stderr=json_, width=max(Console().width, 120))
    if peers:
        for peer in peers:
            with (
                tempfile.TemporaryDirectory(prefix="takedown-conformance-") as directory,
                start(peer, Path(directory), lease, fail_safe_ttl) as started,
            ):
                results[started.version] = _check(started, console, checks)
    elif not (public and purge and origin):
        raise click.UsageError("give --public, --purge and --origin, or --peer")
    else:
        cache = Cache.at(public, purge, token_file, lease, fail_safe_ttl, rendition)
        results[public] = _check(Started(cache, origin, site, public), console, checks)
    if json_:
        click.echo(as_json(dict(results)))
    every = [result for found in results.values() for result in found]
    sys.exit(any(result.verdict != Verdict.PASS for result in every))


def _check(started: Started, console: Console, checks: tuple[str, ...]) -> list[Result]:
    with ExitStack() as playing:
        origin = playing.enter_context(_play("origin", started.origin))
        site = playing.enter_context(_play("site's own server", started.site)) if started.site else None
        results = run(Bench(started.cache, origin, site), checks)
    console.print(table(results))
    console.print(f"{started.version}: {summary(results)}", highlight=False, markup=False)
    return results


def _play(part: str, address: str) -> ScriptedOrigin:
    try:
        return ScriptedOrigin(address)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"cannot play the {part} at {address}: {error}") from None


if __name__ == "__main__":
    main()

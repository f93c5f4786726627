"""Run the chaos checker for as long as one likes: ``python -m tests.chaos``, which is ``./dev chaos``."""

import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Collection
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from stack.system import CLUSTERS
from tests.chaos.campaign import Campaign, Outcome
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.report import details, duration, line, table
from tests.chaos.system.cluster_system import ClusterSystem, runs_on
from tests.chaos.system.system_with_proxies import System


@click.command(context_settings={"show_default": True})
@click.option(
    "--minutes", default=10.0, help="Minutes to run; each fault runs at least once, even if that takes longer."
)
@click.option("--seed", type=int, help="Seed that an earlier run printed, to repeat its choices; random if not given.")
@click.option(
    "--fault", "names", multiple=True, type=click.Choice(list(FAULTS)), help="Run this fault only; may be given again."
)
@click.option("--edges", default=2, type=click.IntRange(1, 8), help="Number of edges.")
@click.option(
    "--purgers",
    default=1,
    type=click.IntRange(1, 8),
    help="Number of purgers, which share the edges. The faults of one of several need 2, and are left out with one.",
)
@click.option("--lease", default=3.0, help="Lease of each edge, in seconds; with a short one rounds are short.")
@click.option("--fail-safe-ttl", default=2.0, help="TTL of each edge in fail-safe mode, in seconds.")
@click.option(
    "--store",
    type=click.Choice(["directory", "s3"]),
    default="directory",
    help="Where the origin keeps images. The faults of an object store need s3, and are left out without it.",
)
@click.option(
    "--cluster",
    "engine",
    type=click.Choice(list(CLUSTERS)),
    help="Run the database on three nodes, and break these too. Faults of a single server are left out.",
)
def main(
    minutes: float,
    seed: int | None,
    names: tuple[str, ...],
    edges: int,
    purgers: int,
    lease: float,
    fail_safe_ttl: float,
    store: str,
    engine: str | None,
) -> None:
    """Read, ban, lift and replace on a real system while faults run, and compare every answer with the promises.

    The exit code is 1 when a promise was broken. The servers' logs are then kept.
    """
    seed = secrets.randbelow(10**6) if seed is None else seed
    console = Console(width=max(Console().width, 100))  # as wide as the table
    directory = Path(tempfile.mkdtemp(prefix="takedown-chaos-"))
    faults = chosen(names, purgers, store, engine)
    make = partial(ClusterSystem, engine=engine) if engine else System
    with make(directory, edges=edges, purgers=purgers, lease=lease, fail_safe_ttl=fail_safe_ttl, store=store) as system:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: system.halted.set())
        console.print(
            f"seed {seed}, {edges} edges, {purgers} purgers, {len(faults)} faults, {duration(minutes * 60)}; "
            f"bound 1 s, {system.bound:g} s under a fault"
        )
        campaign = Campaign(system, seed)

        def report(outcome: Outcome) -> None:
            console.print(line(outcome), highlight=False, soft_wrap=True)
            for text in details(outcome, campaign.history, seed):
                console.print(text, markup=False, highlight=False, soft_wrap=True)

        outcomes = campaign.run(faults, minutes * 60, report)
    console.print(table(outcomes))
    if any(outcome.violations for outcome in outcomes):
        console.print(f"violated; to repeat: --seed {seed}; logs: {directory}", soft_wrap=True)
        sys.exit(1)
    shutil.rmtree(directory)


def chosen(names: Collection[str], purgers: int, store: str, engine: str | None) -> list[Fault]:
    """Return the faults of these names, or else all that such a system can have. Raises ``click.UsageError``."""
    possible = {
        name: each
        for name, each in FAULTS.items()
        if (store == "s3" or not each.needs_store) and (purgers > 1 or not each.needs_purgers) and runs_on(each, engine)
    }
    for name in sorted(set(names) - possible.keys()):
        raise click.UsageError(f"{name}: {missing(FAULTS[name])}")
    return [possible[name] for name in names] or list(possible.values())


def missing(fault: Fault) -> str:
    """Return the option that a fault lacks."""
    if fault.needs_store:
        return "needs --store s3"
    return "needs --purgers 2" if fault.needs_purgers else "needs another --cluster, or none"


if __name__ == "__main__":
    main()

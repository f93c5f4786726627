"""Upgrade each part from 0.1 while clients read and moderators ban: ``python -m tests.chaos.upgrade OLD``.

OLD is a checkout of 0.1 that has been set up: ``git worktree add OLD 12d555b && OLD/dev setup``.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import click

from stack.commands import command, run_apart
from stack.edge import Edge
from stack.server import Server
from tests.chaos.campaign import Campaign, Outcome
from tests.chaos.faults import Fault, Scene
from tests.chaos.report import details, line
from tests.chaos.system_with_proxies import System
from tests.support.database import schema_0_1
from tests.support.edges import edge_0_1


class OldSystem(System):
    """A system whose parts are all of version 0.1."""

    def __init__(self, directory: Path, old: Path) -> None:
        super().__init__(directory, lease=3.0, fail_safe_ttl=2.0)
        self._programs = old / ".venv" / "bin"
        for server in (self.origin, self.purger):
            _run_as(server, str(self._programs / server.name))
        for edge in self.edges:
            edge_0_1.downgrade(edge, self.backend, **self.vcl)

    def _install(self) -> None:
        schema_0_1.install(self.database)

    def _add(self, edge: Edge) -> None:
        urls = ("--purge-url", f"http://127.0.0.1:{self.purge_proxy(edge).port}", "--public-url", edge.url)
        add = ("edge", "add", edge.edge_name, *urls, "--token-file", str(edge.token_file))
        run_apart([str(self._programs / "purger"), *add], self.purger.envvars).check_returncode()


def _run_as(server: Server, program: str) -> None:
    """Make a server run another program from its next start on."""
    *before, _, subcommand = server.command_parts
    server.command_parts = [*before, program, subcommand]


def upgrade(scene: Scene) -> None:
    """Upgrade the edges, the database, the origin and the purger in this order, with a few seconds in between."""
    system = scene.system
    scene.pause(4, 5)
    for edge in system.edges:
        edge_0_1.upgrade(edge, system.backend, **system.vcl)
        scene.pause(3, 4)
    system.purger.run("migrate").check_returncode()
    scene.pause(3, 4)
    for server in (system.origin, system.purger):
        server.stop()
        _run_as(server, command(server.name))
        server.start()
        scene.pause(3, 4)
    scene.pause(4, 5)


@click.command()
@click.argument("old", type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path))
@click.option("--seed", default=1, show_default=True)
def main(old: Path, seed: int) -> None:
    """Upgrade a running system of 0.1, whose checkout is OLD. The exit code is 1 when a promise was broken."""
    directory = Path(tempfile.mkdtemp(prefix="takedown-upgrade-"))
    broken = False
    with OldSystem(directory, old) as system:
        campaign = Campaign(system, seed, by_content=False)

        def report(outcome: Outcome) -> None:
            nonlocal broken
            click.echo("\n".join([line(outcome), *details(outcome, campaign.history, seed)]))
            broken = broken or bool(outcome.violations)

        # While no purger runs, as between the old one and the new one, edges have the lease.
        campaign.run([Fault("upgrade", upgrade, loosens=True, everywhere=True, extra=0.0, revives=False)], 0, report)
    if broken:
        sys.exit(f"violated; logs: {directory}")
    shutil.rmtree(directory)


if __name__ == "__main__":
    main()

"""Run a short round of the chaos checker, and one on a system in which it must find a violation."""

from pathlib import Path

import pytest

from tests.chaos.campaign import Campaign, Outcome
from tests.chaos.faults import FAULTS, Fault, Scene
from tests.chaos.faults.base import mended
from tests.chaos.judging.judge import Limits
from tests.chaos.report import details
from tests.chaos.system.system_with_proxies import System

SEED = 1

#: Lease and fail-safe TTL of the systems below, in seconds.
LEASE, FAIL_SAFE_TTL = 2.0, 1.0

#: Limits for a machine that holds any process up for seconds. An image is gone within the lease and the fail-safe TTL
#: whichever process is late; a lookup that is late is refused, and so are others for a second after it.
BUSY = Limits(bound=LEASE + FAIL_SAFE_TTL, longest_wait=7.0, refused_part=0.1)


@pytest.mark.timeout(600)
def test_no_promise_is_broken_under_a_handful_of_faults(tmp_path: Path) -> None:
    names = [
        "purger killed while numbering",
        "answers to purges lost",
        "fetches held across bans",
        "site's answers held across bans",
    ]
    broken: list[str] = []
    with System(tmp_path, lease=LEASE, fail_safe_ttl=FAIL_SAFE_TTL) as system:
        campaign = Campaign(system, SEED, limits=BUSY)

        def report(outcome: Outcome) -> None:
            broken.extend(details(outcome, campaign.history, SEED))

        outcomes = campaign.run([FAULTS[name] for name in names], 0, report)
    assert not broken, "\n".join(broken)
    assert [outcome.fault for outcome in outcomes if outcome.reads < 100] == []
    assert sum(outcome.changes for outcome in outcomes) > 20


@pytest.mark.timeout(600)
def test_no_promise_is_broken_while_the_store_is_away(tmp_path: Path) -> None:
    broken: list[str] = []
    with System(tmp_path, lease=LEASE, fail_safe_ttl=FAIL_SAFE_TTL, store="s3") as system:
        campaign = Campaign(system, SEED, limits=BUSY)

        def report(outcome: Outcome) -> None:
            broken.extend(details(outcome, campaign.history, SEED))

        outcomes = campaign.run([each for each in FAULTS.values() if each.needs_store], 0, report)
    assert not broken, "\n".join(broken)
    assert {outcome.fault for outcome in outcomes if outcome.reads} >= {"store away", "slow store"}


def cut_for_long(scene: Scene) -> None:
    """Cut for longer than the bound, whatever a busy machine adds to that: see ``Stall``."""
    direction = scene.system.purge_proxy(scene.edge).up
    with mended(direction):
        direction.cut()
        for _ in range(10 * round(scene.system.bound + 3)):
            scene.system.pause(0.1)


def test_it_finds_an_edge_that_trusts_its_cache_for_too_long(tmp_path: Path) -> None:
    found: list[str] = []
    with System(tmp_path, edges=1, lease=60) as system:
        system.bound = 2
        campaign = Campaign(system, SEED)
        cut = Fault(
            "purge path cut for long",
            cut_for_long,
            loosens=True,
            everywhere=True,
            extra=0,
            revives=False,
        )
        for _ in range(5):  # a machine that is too busy to read in time sees what comes later
            campaign.run([cut], 0, lambda outcome: found.extend(violation.kind for violation in outcome.violations))
            if "leak" in found:
                break
    assert "leak" in found

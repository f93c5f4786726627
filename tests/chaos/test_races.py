"""Force races between fetches and takedowns: each would be lost without the mechanism under test.

TAKEDOWN_RACES and TAKEDOWN_BANS say how many; the suite is content with fewer than a release should be.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from random import Random
from typing import Any, cast

import pytest
import requests

from stack.edges.vcl import SOURCE
from stack.processes.waiting import PATIENCE, wait_until
from tests.chaos.campaign import ENDINGS
from tests.chaos.history import BANNED, Other, State, clock
from tests.chaos.judging.receipt_checks import receipt_violations
from tests.chaos.steady_purges import purge_of_a_code, purge_of_an_owner, purging
from tests.chaos.system.system_with_proxies import System
from tests.support.background_loop import BackgroundLoop

RACES = int(os.environ.get("TAKEDOWN_RACES", "200"))
BANS = int(os.environ.get("TAKEDOWN_BANS", "5000"))

#: Fetches to hold at once; the edge opens 100 connections to the origin at most.
AT_ONCE = 50

#: Seconds after which the edge without a fence gets each purge again.
LATE_REBOUND = 10

#: Settings in seconds, so long that they end no race and no stream of purges.
PATIENT: dict[str, Any] = {"lease": 60, "fetch_timeout": 60, "parameters": {"timeout_idle": 60}}

_numbers = count(1)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(tmp_path_factory.mktemp("races"), edges=1, **PATIENT) as running:
        yield running


@pytest.fixture(scope="module")
def fenceless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run a system whose edge has no fence: like stock Varnish it ignores a purge during a fetch."""
    vcl = tmp_path_factory.mktemp("fenceless") / "vcl"
    shutil.copytree(SOURCE, vcl)
    fence = vcl / "takedown" / "fence.vcl"
    before = "call takedown_fence_refuse;"
    assert before in fence.read_text()
    fence.write_text(fence.read_text().replace(before, f"if (false) {{ {before} }}"))
    # The rebound is to come after the fetches were let go, however long the acknowledgement was waited for.
    late = {"PURGER_REBOUND_DELAY": str(LATE_REBOUND)}
    with System(tmp_path_factory.mktemp("no-fence"), edges=1, purger_options=late, source=vcl, **PATIENT) as running:
        yield running


def new_codes(system: System, number: int) -> list[str]:
    """Import new images, and wait until every edge has rebounded the import. Returns their codes."""
    codes = [f"race-{next(_numbers)}-{ENDINGS[index % len(ENDINGS)]}" for index in range(number)]
    system.add_images("owner", codes)
    system.settle()
    return codes


def read(system: System, code: str) -> State | Other:
    answer = requests.get(f"{system.edges[0].url}/images/{code}", timeout=PATIENCE)
    return system.catalogue.recognise(code, "original", answer.status_code, answer.content)


def read_all(system: System, codes: list[str]) -> list[State | Other]:
    """Read every image, again where the answer is a 503: on a busy machine a lookup may take too long."""

    def shown(code: str) -> State | Other:
        def answer() -> State | Other | None:
            seen = read(system, code)
            return None if seen is Other.REFUSED else seen

        return cast(State | Other, wait_until(answer, "an answer other than 503"))

    with ThreadPoolExecutor(AT_ONCE) as clients:
        return list(clients.map(shown, codes))


def ban(system: System, codes: list[str], *, together: bool) -> None:
    """Ban images in one transaction, or each in its own."""
    with system.database.connect("moderation") as connection, connection.cursor() as cursor:
        if together:
            cursor.execute("START TRANSACTION")
        for code in codes:
            cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
        if together:
            cursor.execute("COMMIT")


def race(system: System, codes: list[str], *, together: bool) -> list[State | Other]:
    """Hold the fetch of every image after its lookup, ban it, await the acknowledgement, let the fetches go.

    Returns what the clients of those fetches saw.
    """
    direction = system.origin_proxy.down
    system.edges[0].ask("BAN", takedown_all="1")  # the purger looks at images, too
    with ThreadPoolExecutor(len(codes)) as clients:
        direction.cut()
        try:
            reads = [clients.submit(read, system, code) for code in codes]
            wait_until(lambda: direction.held >= len(codes), "all fetches held")
            ban(system, codes, together=together)
            system.wait_acknowledged()
        finally:
            direction.mend()
        return [each.result() for each in reads]


@pytest.mark.timeout(600 + RACES // 4)
def test_no_flagged_image_is_readable_after_the_acknowledgement(system: System) -> None:
    for start in range(0, RACES, AT_ONCE):
        codes = new_codes(system, min(AT_ONCE, RACES - start))
        held = race(system, codes, together=start // AT_ONCE % 2 == 1)
        assert set(held) <= {BANNED, Other.REFUSED}, "those who waited get the new answer, or a 503"
        assert set(read_all(system, codes)) == {BANNED}
        system.settle()
        assert set(read_all(system, codes)) == {BANNED}


def test_without_the_fence_it_is_until_the_rebound_takes_it_away(fenceless: System) -> None:
    def lost() -> bool:
        """Race once; nobody loses where the acknowledgement takes so long that all fetches are given up.

        Nor does a race count that takes so long that the rebound may have come before the fetches were let go.
        """
        codes = new_codes(fenceless, 10)
        began = clock()
        held = race(fenceless, codes, together=False)
        if clock() - began >= LATE_REBOUND:
            return False
        assert set(held) <= {1, Other.REFUSED}
        fenceless.settle()
        assert set(read_all(fenceless, codes)) == {BANNED}
        return 1 in held

    assert any(lost() for _ in range(10)), "the race above is one that can be lost"


@pytest.mark.parametrize("other", [purge_of_a_code, purge_of_an_owner])
def test_a_steady_stream_of_other_purges_leaves_misses_cacheable(system: System, other: Callable[[str], str]) -> None:
    edge = system.edges[0]
    codes = new_codes(system, 60)
    assert set(read_all(system, codes)) == {1}  # so that the origin is warm
    edge.ask("BAN", takedown_all="1")
    # A purge by hand repeats each fetch in flight once, then its group's only (fence.vcl).
    rate = 1000
    with purging(edge, other, rate) as purged:
        wait_until(lambda: purged[0] > rate // 5, "a stream of purges")
        assert_cacheable(system, codes)
        before = purged[0]
        wait_until(lambda: purged[0] > before + rate // 10, "purges that go on")


def test_a_steady_stream_of_bans_of_owners_leaves_misses_cacheable(system: System) -> None:
    edge = system.edges[0]
    codes = new_codes(system, 60)
    assert set(read_all(system, codes)) == {1}
    edge.ask("BAN", takedown_all="1")
    random, pause = Random(2), threading.Event()
    with system.database.connect("moderation") as connection, connection.cursor() as cursor:

        def ban_an_owner() -> None:
            subject = f"flooded-{next(_numbers)}-{random.choice(ENDINGS)}"
            cursor.execute("INSERT INTO bans (scope, subject) VALUES ('owner', %s)", (subject,))
            pause.wait(0.002)

        def position() -> int:
            return int(edge.ask("HEARTBEAT").headers["Takedown-Batch"].partition(":")[0])

        before = position()
        with BackgroundLoop(ban_an_owner) as bans:
            wait_until(lambda: position() > before + 50, "bans of owners at the edge")
            assert_cacheable(system, codes)
            wait_until(lambda: position() > before + 60, "bans that go on")
        assert not bans.failed
    system.settle()


def assert_cacheable(system: System, codes: list[str]) -> None:
    """Read each image twice: nine in ten are a hit the second time, and few fetches had to start again.

    A fetch that a busy machine holds up meets purges of its group with each attempt, and is rightly not stored.
    """
    edge = system.edges[0]
    fetches = edge.counters()["MAIN.backend_req"]
    not_hit = []
    for code in codes:
        assert read_all(system, [code]) == [1]
        status = requests.get(f"{edge.url}/images/{code}", timeout=PATIENCE).headers["Cache-Status"]
        if "; hit" not in status:
            not_hit.append((code, status))
    assert len(not_hit) <= len(codes) // 10, not_hit
    assert edge.counters()["MAIN.backend_req"] - fetches <= 2 * len(codes)


@pytest.mark.timeout(600 + BANS // 200)
def test_bans_while_the_purger_is_killed_all_the_time_are_all_acknowledged_and_none_twice(system: System) -> None:
    first = system.number("SELECT COALESCE(MAX(id), 0) FROM bans") + 1
    often, done = threading.Event(), threading.Event()

    def moderate() -> None:
        with system.database.connect("moderation") as connection, connection.cursor() as cursor:
            for start in range(0, BANS, 100):
                if start + 100 >= BANS:
                    often.wait(PATIENCE)  # on a busy machine a start takes as long as all bans before
                rows = ", ".join(f"('image', 'many-{number}')" for number in range(start, min(start + 100, BANS)))
                cursor.execute(f"INSERT INTO bans (scope, subject) VALUES {rows}")
                done.wait(0.1)
        done.set()

    kills = 0
    with ThreadPoolExecutor(1) as moderator:
        moderating = moderator.submit(moderate)
        while not done.wait(2):
            system.purger.kill()
            kills += 1
            system.purger.start()
            if kills > 1:
                often.set()
        moderating.result()
    system.settle()
    assert kills > 1
    assert system.number(f"SELECT COUNT(*) FROM bans WHERE id >= {first}") == BANS
    unnumbered = f"SELECT COUNT(*) FROM invalidations WHERE ban_id >= {first} AND batch IS NULL"
    assert system.number(unnumbered) == 0
    assert receipt_violations(system) == []

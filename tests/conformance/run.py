"""Run the checks in their phases, each bounded in time, and keep the lease of the cache meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException

from tests.conformance import fence, lease, listener, positions, purges, site, storing, tags
from tests.conformance.bench import Bench
from tests.conformance.verdict import (
    REGISTERED,
    Check,
    CheckFailedError,
    NotOfferedError,
    Phase,
    Result,
    Verdict,
)

#: The modules with checks, in the order of the table.
_MODULES = [module.__name__ for module in (purges, storing, fence, tags, site, listener, positions, lease)]

CHECKS = sorted(REGISTERED, key=lambda check: _MODULES.index(check.run.__module__))

#: Seconds after which a check is given up, besides the lease that it may wait for.
BOUND = 45.0

#: Checks of the shared phase that run at a time.
_AT_ONCE = 8


def run(bench: Bench, chosen: Sequence[str] = ()) -> list[Result]:
    """Run the checks of these names, or all. Returns the results in the order of the checks."""
    checks = [
        check
        for check in CHECKS
        if (not chosen or check.name in chosen) and (bench.site is not None or not check.needs_site)
    ]
    results: dict[str, Result] = {}

    def note(result: Result) -> None:
        results[result.check] = result

    def of(phase: Phase) -> list[Check]:
        return [check for check in checks if check.phase == phase]

    with _renewals(bench):
        _side_by_side(bench, of(Phase.SHARED), note)
        for check in of(Phase.ALONE):
            note(_bounded(bench, check))
    for check in of(Phase.HEARTBEAT):
        note(_bounded(bench, check))
    _side_by_side(bench, of(Phase.EXPIRY), note)
    return [results[check.name] for check in checks]


@contextmanager
def _renewals(bench: Bench) -> Iterator[None]:
    """Renew the lease inside the block, as a purger does; a cache without heartbeats gets one that it refuses."""
    over = threading.Event()

    def renew() -> None:
        while True:
            try:
                bench.renew()
            except NotOfferedError:
                return
            except (CheckFailedError, OSError, HTTPException):
                pass  # the checks of the lease say so
            if over.wait(bench.cache.lease / 5):
                return

    with suppress(NotOfferedError, CheckFailedError, OSError, HTTPException):
        bench.renew()
    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(BOUND)


def _side_by_side(bench: Bench, checks: Sequence[Check], note: Callable[[Result], None]) -> None:
    waiting = list(checks)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                check = waiting.pop(0)
            result = _bounded(bench, check)
            with lock:
                note(result)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _bounded(bench: Bench, check: Check) -> Result:
    """Run a check in a thread of its own, which is left behind when it does not end in time."""
    began = time.monotonic()
    outcome: list[tuple[Verdict, str]] = []
    thread = threading.Thread(target=lambda: outcome.append(_judge(bench, check)), daemon=True)
    thread.start()
    bound = BOUND + 3 * bench.cache.lease
    thread.join(bound)
    verdict, seen = outcome[0] if outcome else (Verdict.FAIL, f"the check did not end within {bound:g} s")
    return Result(check.name, verdict, seen, time.monotonic() - began)


def _judge(bench: Bench, check: Check) -> tuple[Verdict, str]:
    try:
        return Verdict.PASS, check.run(bench)
    except CheckFailedError as error:
        return Verdict.FAIL, str(error)
    except NotOfferedError as error:
        return Verdict.NOT_OFFERED, str(error)
    except (OSError, HTTPException) as error:
        return Verdict.FAIL, f"a request got no whole answer: {type(error).__name__}: {error}"

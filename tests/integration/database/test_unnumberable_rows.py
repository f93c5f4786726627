"""Number an outbox with malformed rows: these are set aside, and all others go on."""

import hashlib
from collections.abc import Callable

import pytest

from tests.support.database.check_constraints import needs_switch
from tests.support.database.outbox_connections import Connections, Taken, ban, new_codes, run, take

CONTENT = "0123456789abcdef" * 4
MALFORMED = [
    ("image", "two words"),
    ("image", "x" * 65),
    ("picture", "cat"),
    ("image", ""),
    ("owner", "a,b"),
    ("digest", "cat"),
    ("digest", CONTENT.upper()),
    ("digest", CONTENT[1:] + "-"),
]


@needs_switch
def test_malformed_rows_are_taken_out_and_the_rest_goes_on(connections: Connections) -> None:
    before = take(connections.open("purger"), None).unnumberable
    unchecked(connections, *MALFORMED, number=connections.number_all)
    assert connections.run("purger", "SELECT COUNT(*) FROM unnumberable") == [(before + len(MALFORMED),)]
    (good,) = new_codes()
    ban(connections.open("moderation"), good)
    connections.number_all()
    assert connections.batch(good) is not None
    left = connections.run("purger", "SELECT COUNT(*) FROM invalidations WHERE batch IS NULL")
    assert left == [(0,)]
    found = connections.run("purger", "SELECT scope, subject FROM unnumberable ORDER BY id")
    assert found[-len(MALFORMED) :] == MALFORMED
    assert take(connections.open("purger"), None).unnumberable == before + len(MALFORMED)


@needs_switch
def test_a_subject_with_spaces_after_it_is_purged_without_them(connections: Connections) -> None:
    """Ban with spaces after the subject: comparisons ignore them, so that such a ban hides the image."""
    (code,) = new_codes()
    digest = hashlib.sha256(code.encode()).hexdigest()
    unchecked(connections, ("image", f"{code} "), ("digest ", f"{digest} "), number=connections.number_all)
    assert connections.batch(code) is not None
    assert connections.batch(digest) is not None


@needs_switch
@pytest.mark.parametrize("row", MALFORMED, ids=["-".join(row)[:12] for row in MALFORMED])
def test_a_malformed_row_that_came_alone_is_taken_out(connections: Connections, row: tuple[str, str]) -> None:
    purger = connections.open("purger")
    first = take(purger, None)
    found: list[Taken] = []
    unchecked(connections, row, number=lambda: found.append(take(purger, first.head, first.largest)))
    assert [(each.subjects, each.head, each.unnumberable) for each in found] == [
        ([], first.head, first.unnumberable + 1)
    ]


def unchecked(connections: Connections, *rows: tuple[str, str], number: Callable[[], object]) -> None:
    """Write rows to the outbox as a session can that switches the checks off, before triggers refused it.

    The outbox is numbered by ``number`` before a migration restores the triggers.
    """
    admin = connections.open("admin")
    run(admin, "SET SESSION check_constraint_checks = 0")
    triggers = run(
        admin,
        """SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
        AND EVENT_OBJECT_TABLE = 'invalidations' AND ACTION_TIMING = 'BEFORE'""",
    )
    for (trigger,) in triggers:
        run(admin, f"DROP TRIGGER {trigger}")
    try:
        for scope, subject in rows:
            run(admin, "INSERT INTO invalidations (scope, subject, cause) VALUES (%s, %s, 'ban')", scope, subject)
        number()
    finally:
        if triggers:
            connections.database.migrate()

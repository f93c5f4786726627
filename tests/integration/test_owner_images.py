"""Choose images of an owner to probe: each as likely as any other, and no more counted than were drawn from."""

from collections.abc import Iterator

import pytest

from purger import owner_images
from stack.database import Database
from takedown_db.lasting_connection import Connection

CODES = [f"his-{number:03d}" for number in range(700)]


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Connect as the purger to a database with an owner of 700 images, and other owners."""
    rows = [(code, "him") for code in CODES] + [("his-x", "hi"), ("his-y", "him0")]
    with database.connect_admin() as admin, admin.cursor() as cursor:
        cursor.executemany("INSERT IGNORE INTO images (code, owner) VALUES (%s, %s)", rows)
    connection = Connection(database.url("purger"), timeout=30)
    yield connection
    connection.close()


def test_all_are_read_when_they_are_few(connection: Connection) -> None:
    codes, number = owner_images.draw(connection, "him", 700)
    assert (sorted(codes), number) == (CODES, 700)
    assert owner_images.draw(connection, "hi", 700) == (["his-x"], 1)
    assert owner_images.draw(connection, "nobody", 700) == ([], 0)


def test_some_are_drawn_from_all_of_them(connection: Connection) -> None:
    draws = [owner_images.draw(connection, "him", 100) for _ in range(20)]
    assert all(len(set(codes)) == 100 and number == 700 for codes, number in draws)
    drawn = {code for codes, _ in draws for code in codes}
    assert drawn <= set(CODES)
    # None of 2,000 draws in one of seven parts is less likely than an error of the machine.
    assert all(drawn & set(CODES[first : first + 100]) for first in range(0, 700, 100))


def test_no_more_are_counted_than_are_drawn_from(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner_images, "COUNTED", 200)
    codes, number = owner_images.draw(connection, "him", 100)
    assert (len(codes), number) == (100, 200)
    assert max(codes) <= CODES[199]

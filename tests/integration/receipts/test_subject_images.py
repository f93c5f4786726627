"""Choose images of a subject to probe: each as likely as any other, and no more counted than were drawn from."""

from collections.abc import Iterator
from typing import Any

import pytest

from purger.probing import subject_images
from stack.databases.database import Database
from takedown_db.connection.lasting_connection import Connection
from takedown_db.statements import statement

CODES = [f"his-{number:03d}" for number in range(700)]
DIGEST, OTHER = "a" * 64, "b" * 64

SUBJECTS = pytest.mark.parametrize(("scope", "subject"), [("owner", "him"), ("digest", DIGEST)])


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Connect as the purger to a database with an owner of 700 images that share an original, and other images."""
    images = [(code, "him") for code in CODES] + [("his-x", "hi"), ("his-y", "him0")]
    originals = [(code, "original", DIGEST) for code in CODES] + [("his-x", "original", OTHER)]
    # A thumbnail with these bytes, and a file without an image, are not covered by a ban of the original.
    others = [("his-x", "thumb", DIGEST), ("his-y", "thumb", DIGEST), ("his-z", "original", DIGEST)]
    with database.connect_admin() as admin, admin.cursor() as cursor:
        cursor.executemany("INSERT IGNORE INTO images (code, owner) VALUES (%s, %s)", images)
        cursor.executemany(
            "INSERT IGNORE INTO renditions (code, name, content_type, size, width, height, digest) "
            "VALUES (%s, %s, 'image/png', 1, 1, 1, %s)",
            [*originals, *others],
        )
    connection = Connection(database.url("purger"), timeout=30)
    yield connection
    connection.close()


@SUBJECTS
def test_all_are_read_when_they_are_few(connection: Connection, scope: str, subject: str) -> None:
    codes, number = subject_images.draw(connection, scope, subject, 700)
    assert (sorted(codes), number) == (CODES, 700)


@pytest.mark.parametrize(
    ("scope", "subject", "codes"),
    [
        ("owner", "hi", ["his-x"]),
        ("owner", "nobody", []),
        ("digest", OTHER, ["his-x"]),
        ("digest", "c" * 64, []),
        ("image", "his-x", ["his-x"]),
        ("no such scope", "him", []),
    ],
)
def test_no_image_of_another_subject_is_read(
    connection: Connection, scope: str, subject: str, codes: list[str]
) -> None:
    assert subject_images.draw(connection, scope, subject, 700) == (codes, len(codes))


@SUBJECTS
def test_some_are_drawn_from_all_of_them(connection: Connection, scope: str, subject: str) -> None:
    draws = [subject_images.draw(connection, scope, subject, 100) for _ in range(20)]
    assert all(len(set(codes)) == 100 and number == 700 for codes, number in draws)
    drawn = {code for codes, _ in draws for code in codes}
    assert drawn <= set(CODES)
    # None of 2,000 draws in one of seven parts is less likely than an error of the machine.
    assert all(drawn & set(CODES[first : first + 100]) for first in range(0, 700, 100))


@SUBJECTS
def test_no_more_are_counted_than_are_drawn_from(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, scope: str, subject: str
) -> None:
    monkeypatch.setattr(subject_images, "COUNTED", 200)
    codes, number = subject_images.draw(connection, scope, subject, 100)
    assert (len(codes), number) == (100, 200)
    assert max(codes) <= CODES[199]


@pytest.mark.usefixtures("connection")
def test_a_page_of_a_digest_is_read_from_its_index(database: Database) -> None:
    values: dict[str, Any] = {"subject": DIGEST, "after": CODES[99], "limit": 100}
    with database.connect_admin() as admin, admin.cursor(dictionary=True) as cursor:
        cursor.execute("ANALYZE TABLE renditions, images")
        cursor.fetchall()
        cursor.execute(f"EXPLAIN FORMAT=TRADITIONAL {statement('digest_codes')}", values)
        plan: list[Any] = cursor.fetchall()
    *pages, _ = plan  # the last row joins a page of what was imported and one of what a site shows
    assert [(row["table"], row["key"]) for row in pages] == [
        ("renditions", "content"),
        ("images", "PRIMARY"),
        ("site_urls", "content"),
    ]
    assert not any("filesort" in (row["Extra"] or "") for row in pages)

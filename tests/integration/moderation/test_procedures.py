"""Call moderation's procedures among many images: each subject costs a few rows read, whatever their number."""

import json
from hashlib import sha256

import pytest
from mysql.connector.abstracts import MySQLCursorAbstract

from stack.databases.database import Database

IMAGES = 4000

INSERT_IMAGE = "INSERT INTO images (code, owner) VALUES (%s, %s)"
INSERT_ORIGINAL = (
    "INSERT INTO renditions (code, name, content_type, size, width, height, digest) "
    "VALUES (%s, 'original', 'image/png', 1, 1, 1, %s)"
)


def digest(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


@pytest.fixture(scope="module")
def filled(database: Database) -> Database:
    """Add images of 2,000 owners, two of each, with 2,000 originals."""
    with database.connect_admin() as connection, connection.cursor() as cursor:
        cursor.executemany(INSERT_IMAGE, [(f"code{number}", f"owner{number % 2000}") for number in range(IMAGES)])
        cursor.executemany(INSERT_ORIGINAL, [(f"code{number}", digest(number // 2)) for number in range(IMAGES)])
        bans = [("owner", f"owner{number}") for number in range(1000)]
        bans += [("digest", digest(number)) for number in range(1000)]
        cursor.executemany("INSERT INTO bans (scope, subject) VALUES (%s, %s)", bans)
        cursor.execute("ANALYZE TABLE images, renditions, bans, invalidations")
        cursor.fetchall()
    return database


def call(cursor: MySQLCursorAbstract, procedure: str, *values: object) -> tuple[list[tuple[object, ...]], int]:
    """Call a procedure. Returns the rows of its first result, and the number of rows that the server has read."""
    for _ in range(2):  # the first call also reads what MySQL's dictionary says of the tables
        cursor.execute("FLUSH STATUS")
        cursor.execute(f"CALL {procedure}({', '.join(['%s'] * len(values))})", values)  # type: ignore[arg-type]
        rows: list[tuple[object, ...]] = [tuple(row) for row in cursor.fetchall()]
        while cursor.nextset():
            cursor.fetchall()
    cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
    return rows, sum(int(str(value)) for _, value in cursor.fetchall())


SUBJECTS = [
    *(("image", "code7"), ("image", "CODE7"), ("image", "none"), ("owner", "owner7"), ("owner", "none")),
    *(("digest", digest(7)), ("digest", "0" * 64), ("edge", "code7"), ("image", "c\u00f6de7")),
]


@pytest.mark.parametrize(
    ("procedure", "values"),
    [
        ("subjects_known", [1, 0, 0, 1, 0, 1, 0, 0, 0]),
        ("subjects_images", [1, 0, 0, 2, 0, 2, 0, 0, 0]),
    ],
)
def test_subjects_are_found_byte_by_byte_and_by_indexes_alone(
    filled: Database, procedure: str, values: list[int]
) -> None:
    with filled.connect_admin() as connection, connection.cursor() as cursor:
        rows, reads = call(cursor, procedure, json.dumps(SUBJECTS))
    assert rows == list(enumerate(values, start=1))
    assert reads < 100


def test_bans_that_hide_images_are_found_by_indexes_alone(filled: Database) -> None:
    with filled.connect_admin() as connection, connection.cursor() as cursor:
        rows, reads = call(cursor, "hiding_bans", json.dumps(["code7", "code3999", "CODE7", "none", "c\u00f6de7"]))
        assert [(code, scope, subject) for code, _, scope, subject in rows] == [
            ("code7", "owner", "owner7"),
            ("code7", "digest", digest(3)),
        ]
        assert reads < 100
        for scope, subject in (("image", "code7"), ("owner", "owner7"), ("digest", digest(7))):
            rows, reads = call(cursor, "acknowledgements", None, scope, subject, 2**63)
            assert rows[0][:2] == (1, 1)
            assert reads < 100, scope

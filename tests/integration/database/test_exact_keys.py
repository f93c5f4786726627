"""Query by owner or code: a statement matches only that key, and none that is spelt alike."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from stack.databases.database import Database
from takedown_db.statements import statement

_numbers = count(1)


class Keys:
    """A banned owner, and the statements of both programs that name owners or codes."""

    def __init__(self, database: Database) -> None:
        self._connection = database.connect_admin()
        number = next(_numbers)
        self.owner, self.code = f"own{number}o", f"cat{number}c"
        self.image(self.code, self.owner)
        (self.ban,) = self._insert("INSERT INTO bans (scope, subject) VALUES ('owner', %s)", self.owner)

    def _insert(self, sql: str, *values: str) -> list[int]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            return [int(cursor.lastrowid or 0)]

    def image(self, code: str, owner: str) -> None:
        self._insert("INSERT INTO images (code, owner) VALUES (%s, %s)", code, owner)

    def resend(self, code: str) -> int:
        """Insert a row into the outbox that belongs to no ban."""
        sql = "INSERT INTO invalidations (scope, subject, cause) VALUES ('image', %s, 'resend')"
        return self._insert(sql, code)[0]

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        with self._connection.cursor(dictionary=True) as cursor:
            cursor.execute(sql, values)
            rows: Any = cursor.fetchall()
        return list(rows)

    def purger(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.rows(statement(name), **values)]

    def origin(self, name: str, **values: Any) -> list[dict[str, Any]]:
        return self.rows(statement(name), **values)

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def keys(database: Database) -> Iterator[Keys]:
    keys = Keys(database)
    yield keys
    keys.close()


ALIKE = ["{}0", "{}-", "0{}", "_{}", "upper"]


def alike(key: str, pattern: str) -> str:
    return key.upper() if pattern == "upper" else pattern.format(key)


@pytest.mark.parametrize("pattern", ALIKE)
def test_a_ban_of_an_owner_is_not_one_of_owners_with_keys_alike(keys: Keys, pattern: str) -> None:
    other = alike(keys.code, pattern)
    keys.image(other, alike(keys.owner, pattern))
    for code, banned in ((keys.code, 1), (other, 0)):
        assert keys.purger("is_banned", code=code) == [(banned, banned)]
        (found,) = keys.origin("look_up_image", code=code, rendition="original")
        assert (found["banned"] or 0, found["pending"]) == (banned, 1)  # their own import waits for a number
        stands, _ = keys.purger("ban_stands", invalidation=keys.resend(code), code=code)[0]
        assert stands == banned
    assert keys.purger("owner_codes", subject=keys.owner, after="", limit=100) == [(keys.code,)]


@pytest.mark.parametrize("pattern", ALIKE)
def test_a_ban_of_an_image_is_not_one_of_images_with_codes_alike(keys: Keys, pattern: str) -> None:
    code = f"dog{next(_numbers)}d"
    other = alike(code, pattern)
    for each in (code, other):
        keys.image(each, "nobody")
    with keys._connection.cursor() as cursor:
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
    for each, banned in ((code, 1), (other, 0)):
        assert keys.purger("is_banned", code=each) == [(banned, banned)]
        (found,) = keys.origin("look_up_image", code=each, rendition="original")
        assert (found["banned"] or 0) == banned
        stands, _ = keys.purger("ban_stands", invalidation=keys.resend(each), code=each)[0]
        assert stands == banned


@pytest.mark.parametrize("pattern", ALIKE)
def test_a_ban_of_an_owner_waits_and_is_dated_for_nobody_else(keys: Keys, pattern: str) -> None:
    other = alike(keys.code, pattern)
    keys.image(other, alike(keys.owner, pattern))
    with keys._connection.cursor() as cursor:
        cursor.execute("CALL number_invalidations(NULL, NULL, @size, @more)")
        cursor.execute(
            "UPDATE changes SET changed_at = '2030-01-01' WHERE scope = 'owner' AND subject = %s", (keys.owner,)
        )
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('owner', %s)", (keys.owner,))
    for code, pending in ((keys.code, 1), (other, 0)):
        looked_up = keys.origin("look_up_image", code=code, rendition="original")
        assert {found["pending"] or 0 for found in looked_up} == {pending}
        changes = [found["changed_at"] for found in looked_up]
        assert any(changed is not None and changed.year == 2030 for changed in changes) == pending

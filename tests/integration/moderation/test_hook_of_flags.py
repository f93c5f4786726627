"""Install a hook for flags, as docs/guide/existing-site.md does, and let the site's own statements ban and lift."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest
from click.testing import CliRunner
from mysql.connector.abstracts import MySQLConnectionAbstract

from purger.cli.main import cli
from stack.databases.database import Database
from takedown_base.subject_keys import is_key
from takedown_db.connection.connect import connect
from tests.support.database.pictures_table import PICTURES_TABLE

#: Rows from before the hook.
EARLIER = (
    "INSERT INTO site.pictures (file_path, user_id, flagged) VALUES ('old/flagged.jpg', 1, 1), ('old/shown.jpg', 1, 0)"
)
_numbers = count(1)


def install(database: Database, *options: str) -> None:
    """Install the hook of the page, with further options, instead of the one that exists."""
    hook = ["hook", "--table", "site.pictures", "--name-column", "file_path", "--when", "flagged", *options, "--apply"]
    done = CliRunner().invoke(cli, hook, env={"PURGER_ADMIN_URL": database.admin_url()})
    assert done.exit_code == 0, done.output


class Pictures:
    """The site's own program, with the site's own account, and a look at the bans that it causes."""

    def __init__(self, database: Database) -> None:
        url = database.url("moderation").split("@", 1)[1].replace("/takedown?", "/site?")
        self.url = f"mysql://site:secret@{url}"
        self.connection = self.connect()
        self.admin = database.connect_admin()

    def connect(self) -> MySQLConnectionAbstract:
        """Connect as the site's program does: with the default isolation of the server."""
        connection = connect(self.url, timeout=30)
        self.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", connection=connection)
        return connection

    def close(self) -> None:
        self.connection.close()
        self.admin.close()

    def execute(self, text: str, *values: str | int, connection: MySQLConnectionAbstract | None = None) -> None:
        with (connection or self.connection).cursor() as cursor:
            cursor.execute(text, values)
            cursor.fetchall()

    def rows(self, text: str, *values: str | int) -> list[tuple[object, ...]]:
        with self.admin.cursor() as cursor:
            cursor.execute(text, values)
            return [tuple(row) for row in cursor.fetchall()]

    def new_path(self) -> str:
        return f"12/34/picture {next(_numbers)}.jpg"

    def add(self, path: str, *, flagged: bool = False) -> None:
        self.execute("INSERT INTO pictures (file_path, user_id, flagged) VALUES (%s, 7, %s)", path, flagged)

    def flag(self, path: str, flagged: bool, connection: MySQLConnectionAbstract | None = None) -> None:
        statement = "UPDATE pictures SET flagged = %s WHERE file_path = %s"
        self.execute(statement, flagged, path, connection=connection)

    def open_bans(self, path: str) -> list[str]:
        """Return who has banned the picture of a path, for each open ban."""
        found = self.rows("SELECT banned_by FROM bans WHERE subject = %s AND lifted_at IS NULL", code_of(path))
        return sorted(str(row[0]) for row in found)


def code_of(name: str) -> str:
    """Return the code of a name by the rule of docs/operate/origin.md, spelt out once more."""
    if is_key(name):
        return name
    data = name.encode()
    if len(data) <= 48:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def hooked(database: Database) -> Database:
    with database.connect_admin() as admin, admin.cursor() as cursor:
        for statement in (*PICTURES_TABLE.split(";")[:-1], EARLIER):
            cursor.execute(statement)
    install(database)
    return database


@pytest.fixture
def pictures(hooked: Database) -> Iterator[Pictures]:
    with closing(Pictures(hooked)) as pictures:
        yield pictures


# U+017F and U+212A are s and k where case is ignored.
@pytest.mark.parametrize(
    "name",
    [
        *("Abc-1_", "x" * 64, "x" * 65, "abc.jpg", "12/34/Sommer am See.jpg", "ä", "\u017f", "\u212a", "a\nb", "a\n"),
        *("???.jpg", "~~~.jpg", "\\'\"%_.jpg", "ä" * 24, "ä" * 24 + "x", "🌊/" + "x" * 44, "x." + "y" * 253, " ", "a "),
    ],
)
def test_the_hook_gives_a_name_the_code_that_the_import_gives_it(pictures: Pictures, name: str) -> None:
    assert pictures.rows("SELECT takedown.code_of_name(%s)", name) == [(code_of(name),)]


def test_the_hook_installed_again_doubles_nothing(hooked: Database, pictures: Pictures) -> None:
    install(hooked)
    assert pictures.open_bans("old/flagged.jpg") == ["pictures"]


def test_flags_from_before_are_bans_and_other_pictures_are_none(pictures: Pictures) -> None:
    assert pictures.open_bans("old/flagged.jpg") == ["pictures"]
    assert pictures.open_bans("old/shown.jpg") == []


def test_a_flag_that_is_set_and_cleared_again_and_again_has_one_ban_or_none(pictures: Pictures) -> None:
    path, other = pictures.new_path(), pictures.new_path()
    pictures.add(path)
    pictures.add(other, flagged=True)
    assert (pictures.open_bans(path), pictures.open_bans(other)) == ([], ["pictures"])
    for _ in range(3):
        for _ in range(2):
            pictures.flag(path, True)
            assert pictures.open_bans(path) == ["pictures"]
        for _ in range(2):
            pictures.flag(path, False)
            assert pictures.open_bans(path) == []
    assert pictures.open_bans(other) == ["pictures"]
    assert len(pictures.rows("SELECT id FROM bans WHERE subject = %s", code_of(path))) == 3


def test_an_update_of_another_column_bans_and_lifts_nothing(pictures: Pictures) -> None:
    path = pictures.new_path()
    pictures.add(path, flagged=True)
    pictures.execute("UPDATE pictures SET user_id = user_id + 1, flagged = 5 WHERE file_path = %s", path)
    assert pictures.open_bans(path) == ["pictures"]
    assert len(pictures.rows("SELECT id FROM bans WHERE subject = %s", code_of(path))) == 1


def test_clearing_a_flag_lifts_the_hooks_own_ban_alone(pictures: Pictures) -> None:
    path, capital = pictures.new_path(), pictures.new_path().replace("picture", "PICTURE")
    pictures.add(path, flagged=True)
    pictures.execute("INSERT INTO pictures (file_path, user_id, flagged) VALUES (%s, 7, 1)", capital)
    with pictures.admin.cursor() as cursor:
        cursor.execute("INSERT INTO bans (scope, subject, banned_by) VALUES ('image', %s, 'court')", (code_of(path),))
        cursor.execute(
            "INSERT INTO bans (scope, subject, banned_by) VALUES ('owner', %s, 'pictures')", (code_of(path),)
        )
    pictures.flag(path, False)
    assert pictures.open_bans(path) == ["court", "pictures"], "that of the image by others, and that of an owner"
    assert pictures.open_bans(capital) == ["pictures"]


@pytest.mark.parametrize("flagged", [False, True])
def test_a_row_that_is_deleted_and_inserted_again_leaves_one_ban(pictures: Pictures, flagged: bool) -> None:
    path = pictures.new_path()
    pictures.add(path, flagged=flagged)
    for again in (False, True):
        pictures.execute("DELETE FROM pictures WHERE file_path = %s", path)
        assert pictures.open_bans(path) == ["pictures"]
        if again:
            break
        pictures.add(path, flagged=True)
        assert pictures.open_bans(path) == ["pictures"]


@pytest.fixture
def lifting_inserts(hooked: Database) -> Iterator[None]:
    """Let each INSERT lift, where paths are used again, until the test has ended."""
    install(hooked, "--lift-on-insert")
    yield
    install(hooked)


@pytest.mark.usefixtures("lifting_inserts")
@pytest.mark.parametrize("flagged", [False, True])
def test_where_paths_are_used_again_a_row_that_is_inserted_again_decides_anew(
    pictures: Pictures, flagged: bool
) -> None:
    path = pictures.new_path()
    pictures.add(path, flagged=flagged)
    pictures.execute("DELETE FROM pictures WHERE file_path = %s", path)
    pictures.add(path, flagged=True)
    assert pictures.open_bans(path) == ["pictures"]
    pictures.execute("REPLACE INTO pictures (file_path, user_id, flagged) VALUES (%s, 8, 0)", path)
    assert pictures.open_bans(path) == []


def test_a_picture_with_another_path_is_another_picture(pictures: Pictures) -> None:
    first, second, third = (pictures.new_path() for _ in range(3))

    def move(old: str, new: str) -> None:
        pictures.execute("UPDATE pictures SET file_path = %s WHERE file_path = %s", new, old)

    pictures.add(first)
    move(first, second)
    assert (pictures.open_bans(first), pictures.open_bans(second)) == (["pictures"], [])
    move(second, first)
    assert (pictures.open_bans(first), pictures.open_bans(second)) == ([], ["pictures"])
    pictures.flag(first, True)
    move(first, third)
    assert (pictures.open_bans(first), pictures.open_bans(third)) == (["pictures"], ["pictures"])
    pictures.execute("UPDATE pictures SET file_path = %s, flagged = 0 WHERE file_path = %s", second, third)
    assert (pictures.open_bans(third), pictures.open_bans(second)) == (["pictures"], [])
    # The collation of the site's column ignores case; files and codes do not.
    move(second, second.upper())
    assert (pictures.open_bans(second), pictures.open_bans(second.upper())) == (["pictures"], [])


def test_what_the_site_rolls_back_was_never_banned_or_lifted(pictures: Pictures) -> None:
    path = pictures.new_path()
    pictures.add(path)
    for flagged, before in ((True, []), (False, ["pictures"])):
        pictures.execute("START TRANSACTION")
        pictures.flag(path, flagged)
        pictures.execute("ROLLBACK")
        assert pictures.open_bans(path) == before
        pictures.flag(path, True)


def test_a_transaction_that_began_earlier_clears_a_flag_that_was_set_since(pictures: Pictures) -> None:
    path = pictures.new_path()
    pictures.add(path)
    with closing(pictures.connect()) as early:
        # Where MariaDB has this variable it refuses such an update (error 1020), and the site tries again.
        if pictures.rows("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'"):
            pictures.execute("SET innodb_snapshot_isolation = OFF", connection=early)
        pictures.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT", connection=early)
        pictures.flag(path, True)
        pictures.flag(path, False, early)
        pictures.execute("COMMIT", connection=early)
    assert pictures.open_bans(path) == []
    pictures.flag(path, True)
    assert pictures.open_bans(path) == ["pictures"]


def test_an_upload_that_is_not_committed_makes_no_moderator_wait(pictures: Pictures) -> None:
    path = pictures.new_path()
    pictures.execute("START TRANSACTION")
    pictures.add(path)
    with pictures.admin.cursor() as cursor:
        cursor.execute("SET innodb_lock_wait_timeout = 1")
        # The nearest neighbours, which a lock on a gap between rows would cover.
        for subject in (code_of(path)[:-1], f"{code_of(path)}-", code_of(path)):
            cursor.execute("INSERT INTO bans (scope, subject, banned_by) VALUES ('image', %s, 'court')", (subject,))
    pictures.execute("COMMIT")


def test_the_sites_account_gets_no_right_on_bans(pictures: Pictures) -> None:
    grants = [str(row[0]) for row in pictures.rows("SHOW GRANTS FOR site@localhost")]
    assert not any("takedown" in grant for grant in grants)
    assert pictures.rows("SELECT COUNT(*) FROM bans WHERE banned_by = 'pictures'") != [(0,)]

"""Let `purger hook --preset` put triggers on the tables of applications, with columns as the applications make them.

`tests/apps` runs the applications themselves, where they are installed.
"""

from collections.abc import Iterator
from contextlib import closing

import pytest

from stack.databases.database import Database
from takedown_base.name_codes import code_of_name
from tests.support.database.hooked_tables import HookedSite

MEDIAWIKI = """
    CREATE DATABASE wiki CHARACTER SET binary;
    CREATE TABLE wiki.image (
        img_name VARBINARY(255) NOT NULL DEFAULT '' PRIMARY KEY,
        img_timestamp BINARY(14) NOT NULL, img_sha1 VARBINARY(32) NOT NULL DEFAULT ''
    );
    CREATE TABLE wiki.oldimage (
        oi_name VARBINARY(255) NOT NULL DEFAULT '', oi_archive_name VARBINARY(255) NOT NULL DEFAULT '',
        oi_deleted TINYINT UNSIGNED NOT NULL DEFAULT 0
    );
"""
NAME = "富士山.jpg"


@pytest.fixture(scope="module")
def site(database: Database) -> Iterator[HookedSite]:
    with closing(HookedSite(database)) as site:
        for statement in MEDIAWIKI.split(";")[:-1]:
            site.as_admin(statement)
        yield site


def purges(site: HookedSite, name: str) -> int:
    """Count the purges of a name so far."""
    ((number,),) = site.as_admin("SELECT COUNT(*) FROM takedown.invalidations WHERE subject = %s", code_of_name(name))
    return int(str(number))


def test_mediawiki_s_deletions_ban_and_its_other_changes_purge(site: HookedSite) -> None:
    site.as_admin(f"INSERT INTO wiki.image VALUES ('{NAME}', '20261203000000', 'one')")
    output = site.hook("--preset", "mediawiki", "--apply").output
    assert output.count("created the trigger") == 6
    code = code_of_name(NAME)

    site.as_admin(f"UPDATE wiki.image SET img_sha1 = 'two' WHERE img_name = '{NAME}'")
    assert (purges(site, NAME), site.open_bans("image", code)) == (1, [])
    site.as_admin(f"DELETE FROM wiki.image WHERE img_name = '{NAME}'")
    assert site.open_bans("image", code) == ["mediawiki-image"]
    site.as_admin(f"INSERT INTO wiki.image VALUES ('{NAME}', '20261203000000', 'two')")
    assert site.open_bans("image", code) == []

    before = purges(site, NAME)
    site.as_admin("UPDATE wiki.image SET img_name = 'Another.jpg'")
    assert purges(site, NAME) > before
    site.as_admin(f"INSERT INTO wiki.oldimage VALUES ('Another.jpg', 'old!{NAME}', 0), ('Another.jpg', 'older', 0)")
    for statement in ("UPDATE wiki.oldimage SET oi_deleted = 1 LIMIT 1", "DELETE FROM wiki.oldimage LIMIT 1"):
        before = purges(site, "Another.jpg")
        site.as_admin(statement)
        assert purges(site, "Another.jpg") == before + 1
    assert site.open_bans("image", code) == site.open_bans("image", code_of_name("Another.jpg")) == []
    assert site.hook("--preset", "mediawiki", "--apply").output == "nothing to do: the hook is installed\n" * 2


def test_a_preset_takes_another_prefix_and_finds_no_tables_that_are_not_there(site: HookedSite) -> None:
    refused = site.hook("--preset", "mediawiki", "--prefix", "mw_", code=1)
    assert "there is no table mw_image" in refused.stderr
    assert "there is no table" in site.hook("--preset", "mediawiki", "--site", "site", code=1).stderr
    assert "--preset, or --table" in site.hook("--preset", "mediawiki", "--table", "pictures", code=2).stderr
    assert "are for --preset" in site.hook("--site", "wiki", "--table", "pictures", code=2).stderr

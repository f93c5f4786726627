"""Let `purger hook --preset` put triggers on the tables of applications, with columns as the applications make them.

`tests/apps` runs the applications themselves, where they are installed.
"""

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import pytest

from origin.verdict.rules import find_image, preset_path, read_rules
from origin.verdict.url import read_url
from stack.databases.database import Database
from takedown_base.name_codes import code_of_name
from takedown_db.connection.connect import connect
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
WORDPRESS = """
    CREATE DATABASE blog CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci;
    CREATE TABLE blog.shop_postmeta (
        meta_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, post_id BIGINT UNSIGNED NOT NULL DEFAULT 0,
        meta_key VARCHAR(255) DEFAULT NULL, meta_value LONGTEXT
    );
    CREATE TABLE blog.shop_posts (
        id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, post_status VARCHAR(20) NOT NULL DEFAULT 'publish',
        guid VARCHAR(255) NOT NULL DEFAULT '', post_type VARCHAR(20) NOT NULL DEFAULT 'post'
    );
"""
WAGTAIL = """
    CREATE DATABASE gallery CHARACTER SET utf8mb4;
    CREATE TABLE gallery.wagtailimages_image (
        id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, file VARCHAR(100) NOT NULL, file_hash VARCHAR(40) NOT NULL
    );
    CREATE TABLE gallery.wagtailimages_rendition (
        id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, file VARCHAR(255) NOT NULL, image_id INT NOT NULL
    );
"""
NAME = "富士山.jpg"

#: Paths of attachments in WordPress, with the names that the rules of the preset make of their URLs.
PATHS = {
    "2026/12/cat.jpg": "2026/12/cat.jpg",
    "2026/12/cat-2-scaled.jpg": "2026/12/cat-2.jpg",
    "2026/12/富-rotated-e1764740000123-300x200.JPG": "2026/12/富.JPG",
    "2026/12/a-300x200-b-e12.png": "2026/12/a-300x200-b-e12.png",
    "2026/12/document-pdf.jpg": "2026/12/document.pdf",
    "film.mp4": "film.mp4",
}


@pytest.fixture(scope="module")
def site(database: Database) -> Iterator[HookedSite]:
    with closing(HookedSite(database)) as site:
        for statement in (MEDIAWIKI + WORDPRESS + WAGTAIL).split(";")[:-1]:
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


def test_wordpress_s_attachments_have_the_names_of_their_urls(site: HookedSite) -> None:
    rules = read_rules(preset_path("wordpress"))
    site.hook("--preset", "wordpress", "--prefix", "shop_", "--apply")
    site.as_admin("INSERT INTO blog.shop_postmeta (meta_key, meta_value) VALUES ('_edit_lock', %s)", "x" * 70000)
    for path, name in PATHS.items():
        image = find_image(rules, read_url("h", quote(f"/wp-content/uploads/{path}")))
        assert image is not None
        assert image.name == name
        row = f"(meta_key, meta_value) VALUES ('_wp_attached_file', '{path}')"
        site.as_admin(f"INSERT INTO blog.shop_postmeta {row}")
        site.as_admin(f"DELETE FROM blog.shop_postmeta WHERE meta_value = '{path}'")
        assert site.open_bans("image", image.code) == ["wordpress-postmeta"], path
        site.as_admin(f"INSERT INTO blog.shop_postmeta {row}")
        assert site.open_bans("image", image.code) == []

        url = f"https://www.example.org/wp-content/uploads/{path}"
        site.as_admin(f"INSERT INTO blog.shop_posts (guid, post_type) VALUES ('{url}', 'attachment')")
        site.as_admin(f"UPDATE blog.shop_posts SET post_status = 'trash' WHERE guid = '{url}'")
        assert site.open_bans("image", image.code) == ["wordpress-posts"], path
        site.as_admin(f"UPDATE blog.shop_posts SET post_status = 'inherit' WHERE guid = '{url}'")
        assert site.open_bans("image", image.code) == []
    before = purges(site, "2026/12/cat-2.jpg")
    site.as_admin(
        "UPDATE blog.shop_postmeta SET meta_value = '2026/12/cat-2-scaled-e1764740000123.jpg' WHERE meta_value LIKE %s",
        "%cat-2%",
    )
    assert purges(site, "2026/12/cat-2.jpg") == before + 1
    site.as_admin("INSERT INTO blog.shop_posts (guid, post_status) VALUES ('https://www.example.org/?p=5', 'trash')")
    assert site.open_bans("image", code_of_name("https://www.example.org/?p=5")) == []


def test_wagtail_s_images_are_looked_up_by_an_index_and_taken_by_their_number(site: HookedSite) -> None:
    assert "CREATE INDEX takedown_file" in site.hook("--preset", "wagtail").output
    assert site.hook("--preset", "wagtail", "--site", "gallery", "--apply").output.count("created the trigger") == 6
    site.as_admin("INSERT INTO gallery.wagtailimages_image VALUES (7, 'original_images/Cat.jpg', 'one')")
    site.as_admin("INSERT INTO gallery.wagtailimages_image VALUES (8, 'original_images/cat.jpg', 'two')")
    site.as_admin("INSERT INTO gallery.wagtailimages_rendition VALUES (1, 'images/cat.width-20.jpg', 8)")
    with closing(connect(site.database.url("origin"), timeout=30)) as origin, origin.cursor() as cursor:
        for rule in read_rules(preset_path("wagtail")):
            assert rule.query is not None
            query = rule.query.replace(" wagtail.", " gallery.")
            file = "images/cat.width-20.jpg" if "rendition" in query else "original_images/cat.jpg"
            cursor.execute(query, {"file": file})
            assert [str(each) for (each,) in cursor.fetchall()] == ["8"], "letters count"
            cursor.execute(f"EXPLAIN {query}", {"file": file})
            assert "takedown_file" in str(cursor.fetchall())
    before = purges(site, "wagtail-image-8")
    site.as_admin("UPDATE gallery.wagtailimages_image SET file_hash = 'three' WHERE id = 8")
    site.as_admin("DELETE FROM gallery.wagtailimages_rendition")
    assert purges(site, "wagtail-image-8") == before + 2
    assert site.open_bans("image", "wagtail-image-8") == []
    site.as_admin("DELETE FROM gallery.wagtailimages_image WHERE id = 8")
    assert site.open_bans("image", "wagtail-image-8") == ["wagtail-wagtailimages_image"]
    assert site.open_bans("image", "wagtail-image-7") == []
    assert site.hook("--preset", "wagtail", "--apply").output.count("nothing to do") == 2


def test_a_preset_takes_another_prefix_and_finds_no_tables_that_are_not_there(site: HookedSite) -> None:
    refused = site.hook("--preset", "mediawiki", "--prefix", "mw_", code=1)
    assert "there is no table mw_image" in refused.stderr
    assert "there is no table" in site.hook("--preset", "mediawiki", "--site", "site", code=1).stderr
    assert "--preset, or --table" in site.hook("--preset", "mediawiki", "--table", "pictures", code=2).stderr
    assert "are for --preset" in site.hook("--site", "wiki", "--table", "pictures", code=2).stderr

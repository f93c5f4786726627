"""Ban images by their content: the origin hides every image with that original, under whatever code."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from takedown_db.statements import statement
from tests.support.sites.origin_site import OriginSite


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginSite]:
    with OriginSite(tmp_path_factory.mktemp("site")) as site:
        yield site


def ban(site: OriginSite, digest: str) -> None:
    site.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", digest)


def lift(site: OriginSite, digest: str) -> None:
    site.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE scope = 'digest' AND subject = %s", digest)


def test_a_ban_by_content_hides_every_code_and_rendition_and_lifting_it_brings_them_back(site: OriginSite) -> None:
    code, other = site.new_image(owner="ann"), site.new_image(owner="ann")
    copy = site.new_copy(code, owner="bob")
    names = [code, f"{code}/thumb", copy, f"{copy}/thumb"]
    before = {name: site.wait_dated(name) for name in names}
    digest = site.digest_of(code)
    assert digest == site.digest_of(copy)

    ban(site, site.digest_of(other))
    assert [site.request(name).status_code for name in names] == [200] * 4
    lift(site, site.digest_of(other))
    ban(site, digest)
    assert [site.request(name).status_code for name in names] == [410] * 4
    assert site.request(f"{copy}/another").status_code == 410
    late = site.new_copy(code, dated=False)
    assert site.request(late).status_code == 410
    assert site.request(other).status_code == 200

    site.execute("INSERT INTO bans (scope, subject) VALUES ('owner', 'bob')")
    lift(site, digest)
    assert [site.request(name).status_code for name in (code, f"{code}/thumb", late)] == [200] * 3
    assert [site.request(name).status_code for name in (copy, f"{copy}/thumb")] == [410] * 2
    site.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE subject = 'bob'")
    assert "Last-Modified" not in site.request(code).headers, "the lift waits for its number"
    site.number()
    for name in names:
        after = site.wait_dated(name)
        assert after.content == before[name].content
        assert after.headers["ETag"] == before[name].headers["ETag"]
        dates = [parsedate_to_datetime(answer.headers["Last-Modified"]) for answer in (before[name], after)]
        assert dates[0] < dates[1]


def test_only_the_original_counts(site: OriginSite) -> None:
    code = site.new_image()
    thumb = site.request(f"{code}/thumb").headers["ETag"].strip('"')
    assert thumb != site.digest_of(code)
    ban(site, thumb)
    assert site.request(f"{code}/thumb").status_code == 200
    site.execute("UPDATE renditions SET digest = %s WHERE code = %s AND name = 'original'", thumb, code)
    assert site.request(f"{code}/thumb").status_code == 410
    lift(site, thumb)


def test_each_answer_of_a_lookup_names_the_digest_of_the_original(site: OriginSite) -> None:
    code = site.new_image()
    digest = site.digest_of(code)
    names = (code, f"{code}/thumb", f"{code}/another")
    for name, conditions in [(name, {}) for name in names] + [
        (code, {"if_none_match": "*"}),
        (code, {"range": "bytes=0-0"}),
    ]:
        assert site.request(name, **conditions).headers["Takedown-Digest"] == digest
    ban(site, digest)
    for name in names:
        answer = site.request(name)
        assert (answer.status_code, answer.headers["Takedown-Digest"]) == (410, digest)
    lift(site, digest)
    site.execute("DELETE FROM renditions WHERE code = %s AND name = 'original'", code)
    for name in (code, f"{code}/thumb", "nobody", "nobody/thumb"):
        assert site.request(name).headers["Takedown-Digest"] == "none"


def test_the_date_is_that_of_the_latest_change_of_image_owner_and_content(site: OriginSite) -> None:
    code = site.new_image(owner="dated")
    content = site.digest_of(code)
    subjects = {"image": code, "owner": "dated", "digest": content}
    for scope, subject in subjects.items():
        site.execute("REPLACE INTO changes (scope, subject, changed_at) VALUES (%s, %s, '2025-03-04')", scope, subject)
    for number, (scope, subject) in enumerate(subjects.items(), 1):
        site.execute(
            "UPDATE changes SET changed_at = '2025-03-05', batch = %s WHERE scope = %s AND subject = %s",
            *(number, scope, subject),
        )
        answer = site.request(code)
        assert answer.headers["Last-Modified"] == "Wed, 05 Mar 2025 00:00:00 GMT"
        assert answer.headers["Takedown-Changed"] == str(number)
        site.execute("UPDATE changes SET changed_at = '2025-03-04' WHERE scope = %s AND subject = %s", scope, subject)
    ban(site, content)
    lift(site, content)
    assert site.request(code).headers["Takedown-Changed"] == "pending"


def test_a_ban_that_no_trigger_saw_hides_the_image_at_once(site: OriginSite) -> None:
    code, other = site.new_image(), site.new_image()
    for trigger in ("bans_inserted", "bans_inserted_log"):
        site.execute(f"DROP TRIGGER {trigger}")
    try:
        ban(site, site.digest_of(code))
    finally:
        site.database.migrate()
    assert site.request(code).status_code == 410
    assert site.request(other).status_code == 200


def reads(cursor: Any, name: str, **values: str) -> tuple[int, int]:
    """Run a statement of the origin. Return the numbers of its rows and of the entries that the server read for it."""
    cursor.execute("FLUSH STATUS")
    cursor.execute(statement(name), values)
    found = len(cursor.fetchall())
    cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
    return found, sum(int(value) for _, value in cursor.fetchall())


def test_a_lookup_reads_a_few_entries_of_indexes_however_full_the_tables_are(site: OriginSite) -> None:
    code = site.new_image(owner="full")
    digest = site.digest_of(code)
    subjects = [("image", code), ("owner", "full"), ("digest", digest)]
    rows = subjects * 300 + [("image", f"full{number}") for number in range(300)]
    with site.admin.cursor() as cursor:
        cursor.executemany("INSERT INTO bans (scope, subject, lifted_at) VALUES (%s, %s, UTC_TIMESTAMP(3))", rows)
        site.number()
        cursor.executemany("INSERT INTO bans (scope, subject) VALUES (%s, %s)", rows[-300:])  # not numbered
        cursor.execute("ANALYZE TABLE images, renditions, bans, invalidations, changes")
        cursor.fetchall()
        for asked in (code, "nobody"):
            found, entries = reads(cursor, "look_up_image", code=asked, rendition="thumb")
            assert found == (3 if asked == code else 1)
            # MySQL looks into bans and outbox anew for each of the rows.
            assert entries <= 30

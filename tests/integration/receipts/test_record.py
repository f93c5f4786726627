"""Run ``purger receipts`` on recorded rows: it reports the history of each ban as of its time."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from purger.model import ProbeResult, Receipt
from stack.databases.database import Database
from tests.support.purgers.purger_rows import TakedownRecord, record_receipt


@pytest.fixture
def record(database: Database) -> Iterator[TakedownRecord]:
    """Empty the module's database but for one edge."""
    with database.connect_admin() as connection, connection.cursor() as cursor:
        record = TakedownRecord(database, cursor)
        record.sql("DELETE FROM edges")
        record.sql("DELETE FROM receipts")
        record.edge()
        yield record


def test_who_banned_and_who_lifted(record: TakedownRecord) -> None:
    code = record.new()
    ban = record.ban(code, reason="court order", banned_by="judge")
    batch = record.number()
    record.acknowledged("edge1", batch, batch)
    record.seen("edge1", ban)
    out = record.text(code)
    assert out.startswith(f"image {code}: 1 ban in force, proven gone at 1 edge\n")
    assert "  by takedown_moderation@localhost for judge: court order\n" in out
    with record.database.connect("moderation") as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE bans SET lifted_at = '2001-01-01', banned_by = 'nobody' WHERE id = %s", (ban,))
    (found,) = record.receipts(code)["bans"]
    assert (found["account"], found["ended_by"]) == ("takedown_moderation@localhost",) * 2
    assert found["ended"] > found["begun"] > "2002"
    assert [event["action"] for event in found["events"]] == ["ban", "lift", "change"]
    assert "lifted" in record.text(code)


def test_a_deleted_ban_and_one_that_was_moved_to_another_code(record: TakedownRecord) -> None:
    code, other = record.new(), record.new()
    deleted, moved = record.ban(code, reason="spam", banned_by="bob"), record.ban(code)
    record.sql("DELETE FROM bans WHERE id = %s", deleted)
    record.sql("UPDATE bans SET subject = %s WHERE id = %s", other, moved)
    out = record.text(code)
    assert f"image {code}: 2 bans, none of which hides it now" in out
    assert "  by takedown_moderation@localhost for bob: spam\n" in out
    assert out.count("  deleted, or changed to another subject, ") == 2
    assert record.receipts(other, code=3)["bans"][0]["stands"]


@pytest.mark.parametrize(
    "how", ["UPDATE images SET owner = 'bob' WHERE code = %s", "DELETE FROM images WHERE code = %s"]
)
def test_an_image_keeps_the_history_of_its_former_owners(record: TakedownRecord, how: str) -> None:
    code, owner, later = record.new(), record.new("owner"), record.new("owner")
    record.sql("INSERT INTO images (code, owner) VALUES (%s, %s)", code, owner)
    during = record.ban(owner, "owner")
    record.sql(how, code)
    after = record.ban(owner, "owner")
    record.ban(later, "owner")
    (found,) = record.receipts(code)["bans"]
    assert (found["id"], found["stands"], found["hides"]) == (during, True, False)
    out = record.text(code)
    assert "in force; the image left this owner" in out
    assert ("deleted" if "DELETE" in how else f"now code {code} of owner bob") in out
    assert [ban["id"] for ban in record.receipts("--owner", owner, code=3)["bans"]] == [during, after]


def test_an_owner_without_images(record: TakedownRecord) -> None:
    owner = record.new("owner")
    ban = record.ban(owner, "owner")
    batch = record.number()
    record.acknowledged("edge1", batch, batch, "ban")
    record.sql(
        """INSERT INTO probe_remarks (edge, invalidation, note)
        SELECT 'edge1', id, 'no images' FROM invalidations WHERE ban_id = %s""",
        ban,
    )
    assert "no images" in record.text("--owner", owner)
    assert "no ban on it is on record" in record.text("--owner", record.new("owner"))


def two_images(record: TakedownRecord, scope: str) -> tuple[str, str, str]:
    """Add two images of one owner, or with one original. Returns the owner's key or the digest, and the codes."""
    codes = record.new(), record.new()
    owner, digest = record.new("owner"), record.new_digest()
    for code in codes:
        record.image(code, owner, digest)
    return (owner if scope == "owner" else digest, *codes)


@pytest.mark.parametrize(("scope", "of_subject"), [("owner", "of the owner"), ("digest", "with these bytes")])
def test_an_image_of_a_banned_owner_or_digest_is_shown_with_its_own_probe_result(
    record: TakedownRecord, scope: str, of_subject: str
) -> None:
    subject, one, other = two_images(record, scope)
    ban = record.ban(subject, scope)
    batch = record.number()
    record.acknowledged("edge1", batch, batch)
    record.seen("edge1", ban)
    record.sql(
        """INSERT INTO sightings (edge, invalidation, code, seen_at, status, gone)
        SELECT edge, invalidation, %s, seen_at, status, gone FROM sightings
        WHERE invalidation = (SELECT id FROM invalidations WHERE ban_id = %s)""",
        *(one, ban),
    )
    (edge,) = record.receipts(one)["bans"][0]["edges"]
    assert (edge["outcome"], edge["receipt"]["removed"], edge["receipt"]["others"]) == ("gone", 1, 0)
    (edge,) = record.receipts(other, code=3)["bans"][0]["edges"]
    assert (edge["outcome"], edge["reason"]) == ("not proven", f"not probed: 1 other image {of_subject} was")
    assert (edge["receipt"]["seen_at"], edge["receipt"]["others"]) == (None, 1)
    (edge,) = record.receipts(f"--{scope}", subject, code=3)["bans"][0]["edges"]
    assert (edge["outcome"], edge["reason"]) == ("gone in part", "the number of probed images is not on record")


@pytest.mark.parametrize("scope", ["owner", "digest"])
def test_a_probe_of_more_images_takes_the_place_of_one_of_fewer(record: TakedownRecord, scope: str) -> None:
    subject = two_images(record, scope)[0]
    ban = record.ban(subject, scope)
    batch = record.number()
    expected = [
        # seconds, images probed and in all; then the exit code, and the probe that counts
        (1000.0, 100, 1240, 3, (1000, 100, 1240)),
        (2000.0, 100, 1240, 3, (1000, 100, 1240)),
        (3000.0, 1250, 1250, 0, (3000, 1250, 1250)),
        (4000.0, 100, 1260, 0, (3000, 1250, 1250)),
    ]
    for at, probed, images, code_of_exit, counts in expected:
        probe_result = ProbeResult("edge1", 0, at=at, status=410, gone=True, probed=probed, images=images)
        record_receipt(record, Receipt("edge1", batch, batch, "ban", "i", at), ban, probe_result)
        (edge,) = record.receipts(f"--{scope}", subject, code=code_of_exit)["bans"][0]["edges"]
        receipt = edge["receipt"]
        seen = datetime.fromisoformat(receipt["seen_at"]).timestamp()
        assert (seen, receipt["probed"], receipt["images"]) == counts
        text = record.text(f"--{scope}", subject, code=code_of_exit)
        assert f"gone (410) at {counts[1]:,} of {counts[2]:,} images " in text
        part = "1 ban in force; proven for some of the images at edge1\n" in text
        assert part == (code_of_exit == 3)


def test_a_code_has_the_bans_by_content_on_the_original_that_it_has_now(record: TakedownRecord) -> None:
    code, former, present = record.new(), record.new_digest(), record.new_digest()
    record.image(code, record.new("owner"), former)
    record.sql(
        "INSERT INTO renditions (code, name, content_type, size, width, height, digest) "
        "VALUES (%s, 'thumb', 'image/png', 1, 1, 1, %s)",
        code,
        record.new_digest(),
    )
    first = record.ban(former, "digest")
    assert [ban["id"] for ban in record.receipts(code, code=3)["bans"]] == [first]
    record.image(code, record.new("owner"), present)
    assert "no ban on it, on its bytes" in record.text(code)
    second, of_code = record.ban(present, "digest"), record.ban(code)
    found = record.receipts(code, code=3)
    assert (found["digest"], [ban["id"] for ban in found["bans"]]) == (present, [second, of_code])
    found = record.receipts("--digest", former, code=3)
    assert (found["code"], found["owner"], found["digest"]) == (None, None, former)
    assert [(ban["id"], ban["scope"], ban["subject"]) for ban in found["bans"]] == [(first, "digest", former)]
    assert record.text("--digest", former, code=3).startswith(f"digest {former}: 1 ban in force")
    assert record.text("--digest", "0" * 64) == f"digest {'0' * 64}: no ban on it is on record\n"


def test_an_answer_that_proves_nothing_is_kept_with_its_status(record: TakedownRecord) -> None:
    code = record.new()
    ban = record.ban(code)
    batch = record.number()
    for status, said in ((404, "404 for original"), (410, "410 for original"), (None, "unreachable: refused")):
        probe_result = ProbeResult("edge1", 0, status=status, note=said)
        record_receipt(record, Receipt("edge1", batch, batch, "purge", "i", 1000.0), ban, probe_result)
        (edge,) = record.receipts(code, code=3)["bans"][0]["edges"]
        assert (edge["outcome"], edge["reason"], edge["receipt"]["status"]) == ("not proven", said, status)
    probe_result = ProbeResult("edge1", 0, at=2000.0, status=410, gone=True)
    record_receipt(record, Receipt("edge1", batch, batch, "purge", "i", 2000.0), ban, probe_result)
    (edge,) = record.receipts(code)["bans"][0]["edges"]
    assert (edge["outcome"], edge["reason"], edge["receipt"]["status"]) == ("gone", "", 410)


def test_an_edge_that_was_added_later_was_no_edge_then(record: TakedownRecord) -> None:
    code = record.new()
    ban = record.ban(code)
    batch = record.number()
    record.acknowledged("edge1", batch, batch)
    record.seen("edge1", ban)
    record.edge("young")
    record.acknowledged("young", 1, batch + 3, "flush")
    out = record.text(code)
    assert [line.split()[:3] for line in out.splitlines() if "young" in line] == [["young", "added", "later"]]
    edges = {each["edge"]: each for each in record.receipts(code)["bans"][0]["edges"]}
    assert edges["young"]["outcome"] == "added later"
    # An edge with a receipt for the ban's own purge existed when the ban was committed.
    record.sql("UPDATE receipts SET method = 'purge' WHERE edge = 'young'")
    assert record.receipts(code, code=3)["bans"][0]["edges"][1]["outcome"] == "not proven"


@pytest.mark.parametrize("how", ["DELETE FROM edges WHERE name = %s", "UPDATE edges SET enabled = 0 WHERE name = %s"])
def test_an_edge_that_went_is_shown_with_what_it_acknowledged(record: TakedownRecord, how: str) -> None:
    code = record.new()
    record.edge("gone")
    first = record.ban(code)
    batch = record.number()
    for edge in ("edge1", "gone"):
        record.acknowledged(edge, batch, batch)
    record.seen("edge1", first)
    record.sql(how, "gone")
    second = record.ban(code)
    record.acknowledged("edge1", batch + 1, batch + 1)
    record.seen("edge1", second)
    bans = record.receipts(code)["bans"]
    assert [[each["edge"] for each in ban["edges"]] for ban in bans] == [["edge1", "gone"], ["edge1"]]


def test_a_receipt_covers_the_batches_from_its_first_to_its_last(record: TakedownRecord) -> None:
    code = record.new()
    record.ban(code)
    batch = record.number()
    record.acknowledged("edge1", batch + 1, batch + 5)
    assert record.receipts(code, code=3)["bans"][0]["edges"][0]["outcome"] == "not acknowledged"
    record.acknowledged("edge1", batch - 1, batch + 3, "flush")
    (edge,) = record.receipts(code, code=3)["bans"][0]["edges"]
    assert (edge["outcome"], edge["receipt"]["method"]) == ("not proven", "flush")


def test_what_is_past_its_retention_is_said_to_be_so_and_nothing_else_is(record: TakedownRecord) -> None:
    old, young = record.new(), record.new()
    for code in (old, young):
        record.ban(code)
        record.sql("DELETE FROM invalidations WHERE subject = %s", code)
        if code == old:
            record.sql("UPDATE retention SET receipts_until = UTC_TIMESTAMP(6)")
    assert "past their retention" in record.text(old, code=3)
    assert "past their retention" not in (out := record.text(young, code=3))
    assert "a trigger was missing, or the row was deleted" in out


def test_what_comes_from_outside_reaches_the_terminal_escaped(record: TakedownRecord) -> None:
    code = record.new()
    record.ban(code, reason="a\x1b[31mb\nc\u202e", banned_by="\x1b]0;x\x07")
    out = record.text(code, code=3)
    assert r"by takedown_moderation@localhost for \x1b]0;x\x07: a\x1b[31mb\nc\u202e" in out
    assert out.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["https://example.org/pictures/abc"], "no edge says which image"),
        (["a b"], "1 to 64 of A-Z a-z 0-9 _ -"),
        (["--owner", "a b"], "is not an owner's key"),
        ([], "give one of CODE, --owner, --digest, --file and --same-as, and only one"),
        (["abc", "--owner", "abc"], "give one of CODE, --owner, --digest, --file and --same-as, and only one"),
        (["abc", "--digest", "0" * 64], "give one of CODE, --owner, --digest, --file and --same-as, and only one"),
        (["--digest", "0" * 63], "is not a digest, which is a SHA-256 as 64 hex digits 0-9 a-f"),
    ],
)
def test_a_malformed_question_is_refused_with_a_hint(record: TakedownRecord, arguments: list[str], hint: str) -> None:
    assert hint in record.text(*arguments, code=2)


def test_a_url_is_taken_for_the_code_in_it(record: TakedownRecord) -> None:
    code = record.new()
    record.ban(code)
    assert f"image {code}: 1 ban in force" in record.text(f"https://example.org/images/{code}/thumb?x", code=3)


def test_a_code_without_a_ban(record: TakedownRecord) -> None:
    code, banned = record.new("Never"), record.new()
    record.image(code, record.new("owner"), record.new_digest())
    said = "no ban on it, on its bytes or on an owner that it had, is on record"
    assert record.text(code) == f"image {code}: {said}\n"
    said = "nobody has banned this code or imported an image under it; codes differ in case"
    assert record.text(code.lower()) == f"image {code.lower()}: {said}\n"
    record.ban(banned)  # ahead
    assert f"image {banned}: 1 ban in force" in record.text(banned, code=3)


def test_the_later_probe_counts_whatever_it_found_and_the_note_keeps_the_former(record: TakedownRecord) -> None:
    code = record.new()
    ban = record.ban(code)
    batch = record.number()
    expected = [
        # seconds, gone; then the exit code, the seconds of the probe that counts, and the result in its note
        (1000.0, False, 4, 1000, ""),
        (2000.0, True, 0, 2000, "still there (200) at 1970-01-01 00:16:40.000000"),
        (2500.0, True, 0, 2000, "still there (200) at 1970-01-01 00:16:40.000000"),
        (3000.0, False, 4, 3000, "gone (200) at 1970-01-01 00:33:20.000000"),
        (2800.0, True, 4, 3000, "gone (200) at 1970-01-01 00:33:20.000000"),
        (4000.0, True, 0, 4000, "still there (200) at 1970-01-01 00:50:00.000000"),
    ]
    for at, gone, code_of_exit, seen_at, reason in expected:
        receipt = Receipt("edge1", batch, batch, "purge", "i", at)
        record_receipt(record, receipt, ban, ProbeResult("edge1", 0, at=at, status=200, gone=gone))
        (edge,) = record.receipts(code, code=code_of_exit)["bans"][0]["edges"]
        seen = datetime.fromisoformat(edge["receipt"]["seen_at"]).timestamp()
        assert (seen, edge["reason"]) == (seen_at, reason)
        assert edge["receipt"]["acknowledged_at"].startswith("1970-01-01T00:16:40"), "the first acknowledgement stays"


def test_no_progress_is_kept_whose_receipt_is_not(record: TakedownRecord) -> None:
    record.ban(record.new())
    batch = record.number()
    with pytest.raises(AssertionError):
        record_receipt(record, Receipt("edge1", batch, batch, "x" * 300, "i", 1.0), 0, ProbeResult("edge1", 1))
    assert record.sql("SELECT acknowledged FROM edges WHERE name = 'edge1'") == [(0,)]
    record_receipt(record, Receipt("edge1", batch, batch, "purge", "i", 1.0), 0, ProbeResult("edge1", 1))
    assert record.sql("SELECT acknowledged FROM edges WHERE name = 'edge1'") == [(batch,)]

"""Ban by content with the moderators' commands: by digest, by a file, and by a code that shows it."""

import csv
import json
import os
import shutil
from hashlib import md5, sha1, sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from purger.cli.main import cli
from stack.processes.waiting import wait_until
from stack.samples import draw
from tests.support.sites.moderation_desk import Desk, ban_id, run
from tests.support.sites.site_actions import Site


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def open_bans(desk: Desk, digest: str) -> int:
    return len(desk.sql("SELECT id FROM bans WHERE scope = 'digest' AND subject = %s AND lifted_at IS NULL", digest))


def test_a_digest_its_file_and_a_code_with_it_are_one_subject(desk: Desk, tmp_path: Path) -> None:
    content, other_content = desk.new_content(), desk.new_content()
    digest = digest_of(content)
    code = desk.new_image(content=content)
    other = desk.new_image(content=other_content)
    file = tmp_path / "picture.png"
    file.write_bytes(content)
    for number, arguments in enumerate(
        (["--digest", digest], ["--digest", f" {digest.upper()} "], ["--file", str(file)], ["--same-as", code]), start=1
    ):
        desk.sign()
        assert f"digest {digest}, 1 image" in desk.run("ban", *arguments).stdout
        assert open_bans(desk, digest) == number
    desk.number()
    for arguments in (["--digest", digest], ["--file", str(file)], ["--same-as", f"/images/{code}/thumb"]):
        assert len(json.loads(desk.run("bans", *arguments, "--open", "--json").stdout)) == 4
        desk.run("wait", *arguments, "0")
    result = desk.run("lift", "--same-as", other, code=1)
    assert f"there is no open ban on digest {digest_of(other_content)}" in result.stderr
    desk.sign()
    assert desk.run("lift", "--file", str(file)).stdout == f"lifted 4 bans: digest {digest}\n"
    assert open_bans(desk, digest) == 0


def test_bytes_that_no_image_has_are_banned_ahead_alone(desk: Desk, tmp_path: Path) -> None:
    content = desk.new_content()
    desk.new_image(content=desk.new_content())
    file = tmp_path / "picture.png"
    file.write_bytes(content)
    before = desk.bans()
    for arguments in (["--digest", digest_of(content)], ["--file", str(file)]):
        result = desk.run("ban", *arguments, code=3)
        assert f"nothing was banned: no image has an original with the digest {digest_of(content)}" in result.stderr
        for way_out in ("not known by all their names", "--same-as CODE", "--file", "--ahead"):
            assert way_out in result.stderr
    assert desk.bans() == before
    desk.sign()
    assert f"digest {digest_of(content)}, 0 images" in desk.run("ban", "--ahead", "--file", str(file)).stdout
    assert desk.bans() == before + 1


def test_the_digest_of_a_thumbnail_is_no_original(desk: Desk) -> None:
    code = desk.new_image(content=desk.new_content())
    thumb = str(desk.sql("SELECT digest FROM renditions WHERE code = %s AND name = 'thumb'", code)[0][0])
    assert "no image has an original" in desk.run("ban", "--digest", thumb, code=3).stderr


@pytest.mark.parametrize("verb", ["ban", "lift", "bans", "wait"])
def test_a_code_without_an_original_has_no_digest_to_take(desk: Desk, verb: str) -> None:
    before = desk.bans()
    seconds = ["0"] if verb == "wait" else []
    for code in ("mistyped", desk.new_image()):
        result = desk.run(verb, "--same-as", code, *seconds, code=3)
        assert f"nothing was done: no image has the code {code}, or it has no original" in result.stderr
    assert desk.bans() == before


def test_a_file_that_cannot_be_hashed_is_named_with_the_reason(desk: Desk, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, reason in (
        (tmp_path / "missing\x1b", "missing\\x1b cannot be read: No such file or directory"),
        (tmp_path, "is not a regular file"),
        (pipe, "is not a regular file"),
        (Path("/dev/zero"), "is not a regular file"),
        (Path("-"), "- cannot be read"),
    ):
        assert reason in desk.run("ban", "--file", str(path), code=2).stderr


@pytest.mark.parametrize("digest", ["abc", "g" * 64, "0" * 63, "0" * 65])
def test_a_malformed_digest_is_refused_with_the_rule(desk: Desk, digest: str) -> None:
    assert "64 hex digits 0-9 a-f" in desk.run("ban", "--digest", digest, code=2).stderr


def test_a_digest_in_place_of_a_code_says_how_to_write_it(desk: Desk) -> None:
    digest = digest_of(desk.new_content())
    assert "for a digest write --digest" in desk.run("ban", digest, code=3).stderr


def test_a_ban_of_a_code_says_how_many_others_show_the_same_bytes(desk: Desk) -> None:
    content = desk.new_content()
    first, second, third = (desk.new_image(content=content) for _ in range(3))
    lone = desk.new_image(content=desk.new_content())
    desk.sign()
    assert "the same bytes" not in desk.run("ban", lone).stderr
    advice = f"2 other images show the same bytes: `purger ban --same-as {first}` bans them under every code\n"
    assert desk.run("ban", first).stderr == advice
    assert json.loads(desk.run("ban", second, "--json").stdout)["copies"] == 2
    digest = digest_of(content)
    result = desk.run("ban", "--same-as", first)
    assert result.stdout.endswith(f"digest {digest}, 3 images\n")
    assert result.stderr == f"the original of {first} has the digest {digest}\n"
    # The ban by content hides all of them already.
    assert desk.run("ban", third).stderr == ""


def test_an_image_whose_bytes_are_banned_stays_hidden_and_lift_says_why(desk: Desk) -> None:
    owner = desk.new_owner()
    content = desk.new_content()
    code, copy = desk.new_image(owner, content), desk.new_image(content=content)
    other = desk.new_image(content=desk.new_content())
    digest = digest_of(content)
    desk.sign()
    by_content = ban_id(desk.run("ban", "--same-as", copy))
    by_owner = ban_id(desk.run("ban", "--owner", owner))
    why = (
        f"digest {digest} is banned (ban {by_content}); `purger lift --digest {digest}` would lift that, "
        f"owner {owner} is banned (ban {by_owner}); `purger lift --owner {owner}` would lift that"
    )
    assert f"there is no open ban on image {code}: {why}" in desk.run("lift", code, code=1).stderr
    for each in (code, other):
        desk.run("ban", each)
    assert f"the image stays hidden: {why}" in desk.run("lift", code, code=3).stderr
    assert desk.run("lift", other).stderr == ""
    remarks = desk.run("bans", code).stderr.splitlines()
    assert remarks == [
        f"its original with the digest {digest} is banned: ban {by_content}",
        f"its owner {owner} is banned: ban {by_owner}",
    ]
    assert desk.run("bans", other).stderr == ""
    desk.run("lift", "--owner", owner)
    desk.run("lift", "--digest", digest)
    assert digest not in desk.run("lift", code, code=1).stderr


def test_a_lift_of_which_nobody_can_tell_whether_it_shows_the_image_needs_attention(desk: Desk) -> None:
    code = desk.new_image()
    desk.sign()
    desk.run("ban", code)
    desk.sql("DROP PROCEDURE hiding_bans")
    try:
        result = desk.run("lift", code, code=3)
    finally:
        desk.database.migrate()
    assert result.stdout == f"lifted 1 ban: image {code}\n"
    assert "whether a ban of its owner or of its bytes hides it is not known" in result.stderr


def test_a_wait_for_an_image_includes_the_bans_of_its_content(desk: Desk) -> None:
    content = desk.new_content()
    code, copy = desk.new_image(content=content), desk.new_image(content=content)
    other = desk.new_image(content=desk.new_content())
    desk.number()
    desk.run("ban", "--same-as", copy, code=3)
    for arguments in ([code], ["--same-as", code], ["--digest", digest_of(content)]):
        assert "not acknowledged" in desk.run("wait", *arguments, "0", code=3).stdout
    desk.run("wait", other, "0")
    desk.number()
    for arguments in ([code], ["--same-as", code], ["--digest", digest_of(content)]):
        assert desk.run("wait", *arguments, "0").stdout == "edge paris: acknowledged\n"


def test_a_ban_by_content_that_no_trigger_saw_is_never_acknowledged(desk: Desk) -> None:
    code = desk.new_image(content=desk.new_content())
    ban = ban_id(desk.run("ban", "--same-as", code, code=3))
    desk.number()
    desk.run("wait", code, "0")
    desk.sql("DELETE FROM invalidations WHERE ban_id = %s", ban)
    assert f"an open ban of image {code} is not in the outbox" in desk.run("wait", code, "0", code=3).stderr
    assert "is not in the outbox" in desk.run("wait", "--same-as", code, "0", code=3).stderr


def test_a_ban_prints_json(desk: Desk) -> None:
    owner = desk.new_owner()
    code = desk.new_image(owner, desk.new_content())
    desk.new_image(owner)
    desk.sign()
    report = json.loads(desk.run("ban", "--owner", owner, "--json").stdout)
    (newest,) = json.loads(desk.run("bans", "--limit", "1", "--json").stdout)
    expected = dict.fromkeys(("copies", "acknowledged", "edges", "hit")) | {
        "scope": "owner",
        "subject": owner,
        "images": 2,
    }
    assert report == {"id": newest["id"], **expected}
    report = json.loads(desk.run("ban", code, "--json", "--wait", "0", code=3).stdout)
    assert (report["images"], report["copies"], report["acknowledged"]) == (1, 0, False)
    assert report["edges"] == [{"edge": "paris", "acknowledged": False, "problem": "failing: 503\n\x1b[2J"}]
    report = json.loads(desk.run("ban", "mistyped", "--json", code=3).stdout)
    assert (report["id"], report["images"]) == (None, 0)


def test_a_dry_run_says_what_a_ban_would_hide_and_changes_nothing(desk: Desk) -> None:
    owner = desk.new_owner()
    code = desk.new_image(owner, desk.new_content())
    desk.new_image(owner)
    before = desk.bans()
    assert desk.run("ban", "--owner", owner, "--dry-run").stdout == f"would ban owner {owner} (2 images)\n"
    assert "(1 image)" in desk.run("ban", "--same-as", code, "--dry-run").stdout
    assert json.loads(desk.run("ban", code, "--dry-run", "--json").stdout)["images"] == 1
    assert "no image has the code" in desk.run("ban", "mistyped", "--dry-run", code=3).stderr
    assert desk.bans() == before


def test_the_copies_of_a_content_are_listed_with_their_owners_before_and_after(desk: Desk) -> None:
    content = desk.new_content()
    first, second = desk.new_image("anna", content), desk.new_image("evil", content)
    desk.new_image("carl", desk.new_content())
    digest = digest_of(content)
    names = [digest, digest, sha1(content).hexdigest(), md5(content).hexdigest()]
    desk.sql(
        "CALL record_site_url(%s, 'seen-1', 'example.org', '/a.png?v=1', %s, 9, '', '', %s, NULL)",
        *(digest_of(b"url" + content), digest, json.dumps([names])),
    )
    ban = ("ban", "--digest", names[3], "--dry-run")
    assert desk.run(*ban).stdout.splitlines() == [
        f"would ban digest {digest} (3 images)",
        f"  {first} of anna",
        f"  {second} of evil",
        "  seen-1 at example.org/a.png?v=1",
    ]
    expected = [(first, "anna", None), (second, "evil", None), ("seen-1", None, "example.org/a.png?v=1")]
    assert [tuple(each.values()) for each in json.loads(desk.run(*ban, "--json").stdout)["hit"]] == expected
    table = [["code", "owner", "url"], *([cell or "" for cell in row] for row in expected)]
    assert list(csv.reader(desk.run(*ban, "--csv").stdout.splitlines())) == table
    for wrong in ((first, "--dry-run"), ("--digest", digest)):
        assert "--csv is for" in desk.run("ban", *wrong, "--csv", code=2).stderr
    desk.sign()
    desk.run("ban", "--digest", names[3])
    url = desk.database.url("purger")

    def receipts(*arguments: str) -> str:
        return CliRunner(env={"PURGER_DATABASE_URL": url}).invoke(cli, ["receipts", *arguments]).stdout

    assert list(csv.reader(receipts("--digest", names[2], "--csv").splitlines())) == table
    report = json.loads(receipts("--digest", digest, "--json"))
    assert [tuple(each.values()) for each in report["hit"]] == expected
    assert [each["name"] for each in report["bans"]] == [names[3]]
    assert json.loads(receipts(first, "--json"))["hit"] is None
    text = receipts("--digest", digest)
    assert f"  by the MD5 {names[3]}\n" in text
    assert text.endswith(f"copies: 3\n  {first} of anna\n  {second} of evil\n  seen-1 at example.org/a.png?v=1\n")


def import_as(site: Site, picture: Path, code: str) -> None:
    directory = picture.parent / code
    directory.mkdir()
    shutil.copy(picture, directory / f"{code}.png")
    site.stack.origin.import_images(directory, f"of-{code}")


def two_codes_of_one_picture(site: Site, tmp_path: Path) -> tuple[str, str]:
    """Import a picture under two codes of two owners, and wait until every edge has both."""
    codes = site.new_owner(), site.new_owner()
    picture = tmp_path / "picture.png"
    draw(picture, codes[0], hue=0.3, size=(400, 300))
    for code in codes:
        import_as(site, picture, code)
    site.stack.settle()
    wait_until(lambda: site.stack.dated(list(codes)), "Last-Modified of both")
    for code in codes:
        for edge in site.stack.edges:
            for path in (code, f"{code}/thumb"):
                site.wait_hit(path, edge)
    return codes


def test_a_ban_by_content_takes_every_code_and_lifting_brings_both_back(site: Site, tmp_path: Path) -> None:
    first, second = two_codes_of_one_picture(site, tmp_path)
    other = site.new_image()
    shown = tmp_path / "shown.png"
    shown.write_bytes(site.get(first).content)
    out = run(site, "ban", "--same-as", first, "--wait", "60").stdout
    assert f"digest {digest_of(shown.read_bytes())}, 2 images" in out
    for edge in site.stack.edges:
        for path in (first, second, f"{first}/thumb", f"{second}/thumb"):
            assert site.answer(path, edge).status_code == 410
    assert site.is_hit(other)
    assert site.get(other).status_code == 200
    third = site.new_owner()
    import_as(site, tmp_path / "picture.png", third)
    assert site.answer(third).status_code == 410
    run(site, "lift", "--file", str(shown))
    run(site, "wait", "--digest", digest_of(shown.read_bytes()), "60")
    for path in (first, f"{second}/thumb", third):
        site.wait_served(path)
    assert site.answer(second).content == shown.read_bytes()

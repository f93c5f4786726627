"""Ban and lift lists, with malformed and unknown lines, cut off in the middle, and repeated."""

import json
import os
from pathlib import Path

from stack.processes.commands import command
from tests.support.sites.moderation_desk import Desk, run
from tests.support.sites.site_actions import Site
from tests.support.terminal import run_on_terminal


def written(tmp_path: Path, *lines: str) -> str:
    """Write a list to a file, and return its path."""
    path = tmp_path / "list.txt"
    path.write_text("\n".join(lines))
    return str(path)


def state(desk: Desk) -> list[tuple[object, ...]]:
    """Read the numbers of bans, open bans, changes and entries of the log."""
    tables = ("bans", "bans WHERE lifted_at IS NULL", "invalidations", "moderation_log")
    return desk.sql("SELECT " + ", ".join(f"(SELECT COUNT(*) FROM {table})" for table in tables))


def test_a_list_bans_each_subject_once_with_reason_and_name(desk: Desk, tmp_path: Path) -> None:
    owner = desk.new_owner()
    first, second = desk.new_image(), desk.new_image()
    copies = [desk.new_image(owner, content) for content in [desk.new_content()] * 3]
    digest = str(desk.sql("SELECT digest FROM renditions WHERE code = %s AND name = 'original'", copies[0])[0][0])
    lines = (f"\ufeff{first}", "", "# comment", f"https://x.example/images/{second}/thumb", f"owner:{owner}")
    path = written(tmp_path, *lines, f"digest:{digest.upper()}", first)
    desk.sign()
    result = desk.run("ban", "--from", path, "--reason", "report 12", "--by", "J. Doe")
    assert (result.stdout, result.stderr) == ("banned 2 codes, 1 owner, 1 digest\n", "")
    rows = desk.sql("SELECT scope, subject FROM bans WHERE reason = 'report 12' AND banned_by = 'J. Doe' ORDER BY id")
    assert rows == [("image", first), ("image", second), ("owner", owner), ("digest", digest)]
    desk.sign()
    result = desk.run("ban", "--from", path, "--reason", "report 12")
    assert result.stdout == "banned nothing; 4 banned already\n"
    assert desk.run("ban", "--from", path, "--again").stdout == "banned 2 codes, 1 owner, 1 digest\n"
    desk.sign()
    result = desk.run("lift", "--from", path)
    assert (result.stdout, result.stderr) == ("lifted the bans on 2 codes, 1 owner, 1 digest\n", "")
    assert desk.run("lift", "--from", path).stdout == "lifted the bans on nothing; 4 lifted already\n"
    assert desk.sql("SELECT COUNT(*) FROM bans WHERE subject IN (%s, %s) AND lifted_at IS NULL", first, owner) == [(0,)]


def test_bad_lines_are_listed_and_the_others_carried_out(desk: Desk, tmp_path: Path) -> None:
    code = desk.new_image()
    lines = ["code", "a b\x1b[2J", "digest:abc", f"owner:{desk.new_owner()}", "x" * 5000, "https://x.example/12", code]
    desk.sign()
    result = desk.run("ban", "--from", written(tmp_path, *lines), code=3)
    assert result.stdout == "banned 1 code; 6 lines refused (2 without an image, 4 malformed)\n"
    said = result.stderr.splitlines()
    assert [line.partition(":")[0] for line in said] == [f"line {number}" for number in range(1, 7)]
    assert said[0] == "line 1: no image has the code code"
    assert said[1].startswith("line 2: 'a b\\x1b[2J' is not a code, which is 1 to 64 of A-Z a-z 0-9 _ -")
    assert "64 hex digits" in said[2]
    assert "no image has the owner" in said[3]
    assert said[4] == "line 5: the line is longer than 4,096 bytes"
    assert "no edge says which image 'https://x.example/12' leads to (paris: " in said[5]
    result = desk.run("lift", "--from", written(tmp_path, *lines), code=3)
    assert result.stdout == "lifted the bans on 1 code; 6 lines refused (2 never banned, 4 malformed)\n"
    assert "line 1: there never was a ban on image code" in result.stderr


def test_a_list_is_read_from_stdin_and_banned_ahead(desk: Desk) -> None:
    desk.sign()
    result = desk.run("ban", "--from", "-", "--ahead", stdin="ahead-1\nahead-2\n")
    assert result.stdout == "banned 2 codes\n"
    assert desk.run("ban", "--from", "-", stdin="").stdout == "banned nothing\n"
    assert "'/nonexistent': No such file or directory" in desk.run("ban", "--from", "/nonexistent", code=2).stderr


def test_a_dry_run_counts_and_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    owner, content = desk.new_owner(), desk.new_content()
    banned, fresh = desk.new_image(), desk.new_image()
    copies = [desk.new_image(owner, content) for _ in range(3)]
    digest = str(desk.sql("SELECT digest FROM renditions WHERE code = %s AND name = 'original'", copies[0])[0][0])
    desk.sign()
    desk.run("ban", banned)
    path = written(tmp_path, banned, fresh, f"owner:{owner}", f"digest:{digest}", "mistyped", "a b", fresh)
    before = state(desk)
    result = desk.run("ban", "--from", path, "--dry-run", code=3)
    assert result.stdout == (
        "would ban 1 code (1 image), 1 owner (3 images), 1 digest (3 images); 1 banned already; "
        "2 lines refused (1 without an image, 1 malformed)\n"
    )
    report = json.loads(desk.run("ban", "--from", path, "--dry-run", "--json", code=3).stdout)
    assert report["images"] == {"image": 1, "owner": 3, "digest": 3}
    assert [each["line"] for each in report["refused"]] == [5, 6]
    result = desk.run("ban", "--from", path, "--dry-run", "--ahead", "--again", code=3)
    assert result.stdout.startswith("would ban 3 codes (2 images), 1 owner (3 images), 1 digest (3 images); 1 line")
    assert desk.run("lift", "--from", path, "--dry-run", code=3).stdout == (
        "would lift the bans on 1 code; 5 lines refused (4 never banned, 1 malformed)\n"
    )
    assert state(desk) == before


def test_a_dry_run_counts_a_subject_once_however_far_apart_its_lines_are(desk: Desk, tmp_path: Path) -> None:
    code = desk.new_image()
    path = written(tmp_path, code, *(f"no-{number}" for number in range(2000)), code)
    assert desk.run("ban", "--from", path, "--dry-run", code=3).stdout.startswith(
        "would ban 1 code (1 image); 1 banned"
    )
    desk.sign()
    desk.run("ban", code)
    assert desk.run("lift", "--from", path, "--dry-run", code=3).stdout.startswith(
        "would lift the bans on 1 code; 1 lift"
    )


def test_a_lifted_image_that_stays_hidden_is_counted_unless_the_list_lifts_that_too(desk: Desk, tmp_path: Path) -> None:
    owner, content = desk.new_owner(), desk.new_content()
    of_owner, of_content = desk.new_image(owner), desk.new_image(content=content)
    digest = str(desk.sql("SELECT digest FROM renditions WHERE code = %s AND name = 'original'", of_content)[0][0])
    path = written(tmp_path, of_owner, of_content)
    desk.sign()
    for arguments in (["--from", path], ["--owner", owner], ["--digest", digest]):
        desk.run("ban", *arguments)
    assert "2 images stay hidden by bans of their owners or bytes" in desk.run("lift", "--from", path, code=3).stderr
    desk.run("ban", "--from", path)
    desk.sign()
    path = written(tmp_path, of_owner, of_content, f"owner:{owner}", f"digest:{digest}")
    assert desk.run("lift", "--from", path).stderr == ""


def test_a_list_that_no_purger_delivers_says_so_and_can_be_waited_for(desk: Desk, tmp_path: Path) -> None:
    path = written(tmp_path, desk.new_image(), desk.new_image())
    desk.sign(ago=3600)
    result = desk.run("ban", "--from", path, code=3)
    assert result.stdout == "banned 2 codes\n"
    assert "the bans are committed, but no purger is alive" in result.stderr
    desk.sign()
    result = desk.run("ban", "--from", path, "--wait", "0", code=3)
    assert result.stdout.startswith("banned nothing; 2 banned already\nedge paris: not acknowledged")
    report = json.loads(desk.run("ban", "--from", path, "--wait", "0", "--json", code=3).stdout)
    assert (report["banned_already"], report["acknowledged"], report["edges"][0]["edge"]) == (2, False, "paris")
    desk.number()
    assert desk.run("ban", "--from", path, "--wait", "0").stdout.endswith("edge paris: acknowledged\n")


def test_a_text_that_the_schema_refuses_bans_nothing(desk: Desk, tmp_path: Path) -> None:
    path = written(tmp_path, desk.new_image())
    before = state(desk)
    result = desk.run("ban", "--from", path, "--reason", "x" * 300, code=2)
    assert "nothing is committed: the schema refuses them: the value for reason is too long" in result.stderr
    assert state(desk) == before


def test_a_terminal_shows_progress_and_the_refused_lines(desk: Desk, tmp_path: Path) -> None:
    lines = [f"terminal-{number}" for number in range(1500)]
    path = written(tmp_path, *lines[:2], "a b", *lines[2:])
    desk.sign()
    environment = {**os.environ, "TERM": "xterm", "PURGER_MODERATION_URL": desk.database.url("moderation")}
    ban = [command("purger"), "ban", "--from", path, "--ahead"]
    run = run_on_terminal(ban, environment, stream="stderr", columns=120)
    assert run.piped == "banned 1,500 codes; 1 line refused (0 without an image, 1 malformed)\n"
    assert run.returncode == 3
    assert "1,501 lines" in run.shown
    assert "line 3: 'a b' is not a code" in run.shown


def test_a_list_takes_its_images_from_every_edge_and_brings_them_back(site: Site) -> None:
    first, second, other = site.new_image(), site.new_image(), site.new_image()
    lines = f"# flagged today\n{first}\nhttps://img.example/images/{second}/thumb\n"
    for path in (first, f"{second}/thumb"):
        for edge in site.stack.edges:
            site.wait_hit(path, edge)
    assert run(site, "ban", "--from", "-", "--wait", "60", stdin=lines).stdout.startswith("banned 2 codes\nedge edge")
    for edge in site.stack.edges:
        assert [site.answer(path, edge).status_code for path in (first, f"{second}/thumb")] == [410, 410]
    assert site.is_hit(other)
    run(site, "lift", "--from", "-", stdin=lines)
    for path in (first, f"{second}/thumb"):
        site.wait_served(path)

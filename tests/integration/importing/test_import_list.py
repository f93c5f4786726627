"""Run ``origin import --from`` on lists of a site's files, copied and in place."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from stack.processes.commands import run_apart
from stack.processes.waiting import wait_until
from takedown_base.name_codes import code_of_name
from tests.support.images.images_with_metadata import EVERYTHING, SECRET
from tests.support.sites.origin_site import OriginSite


class ListedSite:
    """A site with files in a tree of its own, which its origin serves in place."""

    def __init__(self, origin: OriginSite, root: Path) -> None:
        self.origin = origin
        self.root = root

    def picture(self, path: str, size: tuple[int, int] = (400, 300), colour: int = 60) -> bytes:
        """Draw a picture of the site. Returns its bytes."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise(size, colour).save(file)
        return file.read_bytes()

    def run(self, text: str, *flags: str, in_place: bool = True) -> "subprocess.CompletedProcess[str]":
        """Import a list, given on the standard input."""
        source = ["--in-place", f"file:{self.root}"] if in_place else [str(self.root)]
        command = self.origin.origin_command("import", "--from", "-", *source, *flags)
        return run_apart(command, self.origin.import_environment(), text)

    def rows(self, code: str) -> dict[str, tuple[str, str | None]]:
        """Return digest and path of each recorded rendition of an image."""
        with self.origin.admin.cursor() as cursor:
            cursor.execute("SELECT name, digest, path FROM renditions WHERE code = %s", (code,))
            return {str(name): (str(digest), path) for name, digest, path in cursor.fetchall()}  # type: ignore[misc]

    def outbox(self) -> int:
        with self.origin.admin.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM invalidations")
            ((count,),) = cursor.fetchall()
        return int(str(count))

    def client(self, *arguments: str) -> str:
        """Run the command line client of the database. Returns its output."""
        database = self.origin.database
        command = database.client("--default-character-set=utf8mb4", *arguments, database.name_of_database)
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    def kept(self) -> list[Path]:
        """Return the files of the origin's own store."""
        return [path for path in self.origin.origin.files.rglob("*") if path.is_file()]


def escaped(name: str) -> str:
    """Write a name as mysql -B does."""
    return name.replace("\\", "\\\\").replace("\t", "\\t")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ListedSite]:
    directory = tmp_path_factory.mktemp("import-list")
    root = directory / "pictures"
    root.mkdir()
    with OriginSite(directory, ORIGIN_WORKERS="1", ORIGIN_IN_PLACE=f"file:{root}") as running:
        yield ListedSite(running, root)


def test_files_in_place_are_served_where_they_are_and_only_reduced_ones_are_kept(site: ListedSite) -> None:
    content = site.picture("12/34/Abc.png")
    before = len(site.kept())
    result = site.run("code\tpath\towner\nplace-1\t12/34/Abc.png\tann\n")
    assert (result.returncode, result.stdout) == (0, "1 new, 0 changed, 0 unchanged, 0 refused\n"), result.stderr
    answer = site.origin.request("place-1")
    assert answer.content == content
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert answer.headers["Takedown-Owner"] == "ann"
    assert site.rows("place-1")["original"] == (hashlib.sha256(content).hexdigest(), "12/34/Abc.png")
    assert site.rows("place-1")["thumb"][1] is None
    assert Image.open(BytesIO(site.origin.request("place-1/thumb").content)).size == (256, 192)
    assert len(site.kept()) == before + 1


def test_a_banned_image_in_place_is_hidden(site: ListedSite) -> None:
    site.picture("banned.png")
    site.run("code,path\nbanned-1,banned.png\n", "--owner", "ann")
    assert site.origin.request("banned-1").status_code == 200
    site.origin.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'banned-1')")
    assert site.origin.request("banned-1").status_code == 410


def test_a_list_of_files_below_a_directory_copies_them_and_strips_metadata(site: ListedSite) -> None:
    told = EVERYTHING["JPEG"](6)
    assert SECRET in told
    (site.root / "copied.jpg").write_bytes(told)
    result = site.run("code,path\ncopied-1,copied.jpg\n", "--owner", "ann", in_place=False)
    assert result.returncode == 0, result.stderr
    assert site.rows("copied-1")["original"][1] is None
    (site.root / "copied.jpg").unlink()
    assert SECRET not in site.origin.request("copied-1").content


def test_a_file_in_place_keeps_its_metadata(site: ListedSite) -> None:
    told = EVERYTHING["JPEG"](6)
    (site.root / "kept.jpg").write_bytes(told)
    assert site.run("code,path\nkept-1,kept.jpg\n", "--owner", "ann").returncode == 0
    assert site.origin.request("kept-1").content == told
    assert SECRET not in site.origin.request("kept-1/thumb").content


@pytest.mark.parametrize("in_place", [True, False])
def test_ready_made_renditions_come_in_the_list(site: ListedSite, in_place: bool) -> None:
    code = f"ready-{in_place}"
    site.picture(f"{code}.png", (800, 600))
    thumb, large = site.picture(f"{code}-t.png", (77, 55), 90), site.picture(f"{code}-l.png", (500, 400), 91)
    text = f"code,path,rendition\n{code},{code}-t.png,thumb\n{code},{code}.png,original\n{code},{code}-l.png,large\n"
    assert site.run(text, "--owner", "ann", in_place=in_place).returncode == 0
    assert site.origin.request(f"{code}/thumb").content == thumb
    assert site.origin.request(f"{code}/large").content == large
    assert "0 new, 0 changed, 1 unchanged" in site.run(text, "--owner", "ann", in_place=in_place).stdout

    larger = site.picture(f"{code}-l.png", (600, 400), 92)
    assert "1 changed" in site.run(text, "--owner", "ann", in_place=in_place).stdout
    assert site.origin.request(f"{code}/large").content == larger
    assert site.origin.request(f"{code}/thumb").content == thumb


@pytest.mark.parametrize("again", ["", "former-1,former-large-2.png,large\n"])
def test_a_new_original_takes_the_renditions_of_the_former_one_away(site: ListedSite, again: str) -> None:
    """A ban of the former original's content hides the code no longer, and so would not hide them."""
    head = "code,path,rendition\n"
    site.picture("former.png")
    site.picture("former-large.png", (350, 250))
    site.run(f"{head}former-1,former.png,\nformer-1,former-large.png,large\n", "--owner", "ann")
    former, outbox = site.rows("former-1"), site.outbox()
    assert [*sorted(former)] == ["large", "original", "thumb"]
    assert site.run(f"{head}former-1,former.png,\n", "--owner", "ann").stdout.startswith("0 new, 0 changed, 1 unch")
    assert site.rows("former-1") == former, "the original is the same"

    site.picture("former.png", colour=90)
    site.picture("former-large-2.png", (350, 250))
    site.run(f"{head}former-1,former.png,\n{again}", "--owner", "ann")
    rows = site.rows("former-1")
    assert not {digest for digest, _ in former.values()} & {digest for digest, _ in rows.values()}
    assert [*sorted(rows)] == (["large", "original", "thumb"] if again else ["original", "thumb"])
    assert site.origin.request("former-1/large").status_code == (200 if again else 404)
    assert site.outbox() > outbox


def test_a_rendition_alone_belongs_to_an_image_that_is_there(site: ListedSite) -> None:
    site.picture("alone.png")
    late = site.picture("late.png", (40, 30))
    refused = site.run("code,path,rendition\nalone-1,late.png,thumb\n", "--owner", "ann")
    assert refused.returncode == 3
    assert "refused line 2 (late.png): the image has no original" in refused.stderr
    assert site.rows("alone-1") == {}
    site.run("code,path\nalone-1,alone.png\n", "--owner", "ann")
    assert site.run("code,path,rendition\nalone-1,late.png,thumb\n", "--owner", "ann").returncode == 0
    assert site.origin.request("alone-1/thumb").content == late


def test_names_outside_the_alphabet_get_codes_and_the_list_of_both_is_written(site: ListedSite, tmp_path: Path) -> None:
    names = ["plain-1", "my cat.jpg", "päge\\x", "tab\tname", "x" * 70]
    contents = [site.picture(f"names/{number}.png", colour=number) for number in range(len(names))]
    lines = [f"{escaped(name)}\tnames/{number}.png\n" for number, name in enumerate(names)]
    codes = tmp_path / "codes.tsv"
    result = site.run("code\tpath\n" + "".join(lines), "--owner", "ann", "--codes-to", str(codes))
    assert result.returncode == 0, result.stderr
    for name, content in zip(names, contents, strict=True):
        assert site.origin.request(code_of_name(name)).content == content
    # The same program that wrote the list reads the list of codes.
    with site.origin.admin.cursor() as cursor:
        cursor.execute("SET GLOBAL local_infile = ON")  # MySQL has it off
        cursor.execute("CREATE TABLE code_list (name VARCHAR(255) CHARACTER SET utf8mb4, code VARCHAR(64))")
    load = f"LOAD DATA LOCAL INFILE '{codes}' INTO TABLE code_list CHARACTER SET utf8mb4"
    site.client("--local-infile=1", "-e", load)
    with site.origin.admin.cursor() as cursor:
        cursor.execute("SELECT name, code FROM code_list")
        assert {*cursor.fetchall()} == {(name, code_of_name(name)) for name in names}


def test_a_list_of_mysql_is_imported_from_a_pipe(site: ListedSite) -> None:
    """A table of the site's own, with names that have to be escaped, and dates and NULLs."""
    one, two = site.picture("sql/a b\\c.png"), site.picture("sql/two.png", colour=20)
    with site.origin.admin.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE pictures (id INT PRIMARY KEY, file_path VARCHAR(255), user_id INT, until DATETIME NULL)"
        )
        cursor.execute(
            "INSERT INTO pictures VALUES (1, 'sql/a b\\\\c.png', 7, NULL), (2, 'sql/two.png', 8, '2040-01-01')"
        )
    query = "SELECT id AS code, file_path AS path, user_id AS owner, until AS stable_until FROM pictures"
    written = site.client("-B", "--quick", "-e", query)
    assert written.startswith("code\tpath\towner\tstable_until\n1\tsql/a b\\\\c.png\t7\tNULL\n")
    assert site.run(written).returncode == 0
    assert site.origin.request("1").content == one
    assert site.origin.request("2").content == two
    assert "Expires" not in site.origin.request("1").headers
    assert site.origin.request("2").headers["Expires"] == "Sun, 01 Jan 2040 00:00:00 GMT"


def test_what_cannot_be_imported_is_named_by_its_line_and_the_rest_is_imported(site: ListedSite) -> None:
    site.picture("good.png")
    (site.root / "text.png").write_text("no picture")
    whole = site.picture("whole.png")
    (site.root / "half.png").write_bytes(whole[: len(whole) // 2])
    (site.root / "link.png").symlink_to(site.root / "good.png")
    os.mkfifo(site.root / "pipe.png")
    (site.root.parent / "outside.png").write_bytes(whole)
    site.run("code,path,owner\ntaken-1,good.png,bob\n")
    text = (
        "code,path,owner\nn-1,good.png,ann\nn-2,missing.png,ann\nn-3,text.png,ann\nn-4,half.png,ann\nn-5,link.png,ann\n"
        "n-6,pipe.png,ann\nn-7,../outside.png,ann\nn-8,good.png,an n\nn-9\ntaken-1,good.png,ann\nn-10,good.png,ann\n"
    )
    result = site.run(text)
    assert result.returncode == 3
    assert result.stdout == "2 new, 0 changed, 0 unchanged, 9 refused\n"
    refused = [line.removeprefix("refused line ") for line in result.stderr.splitlines() if line.startswith("refused")]
    assert sorted(int(line.split()[0].rstrip(":")) for line in refused) == [3, 4, 5, 6, 7, 8, 9, 10, 11]
    reasons = {int(line.split()[0].rstrip(":")): line for line in refused}
    assert "(missing.png): there is no such file" in reasons[3]
    assert "not a JPEG, PNG, GIF, WebP or AVIF" in reasons[4]
    assert "broken" in reasons[5]
    assert "there is no such file" in reasons[6]
    assert "there is no such file" in reasons[7]
    assert "is no path" in reasons[8]
    assert "owner 'an n' is not" in reasons[9]
    assert "1 cells" in reasons[10]
    assert "an image of owner bob has this code: --move gives it to ann" in reasons[11]
    assert site.origin.request("n-1").status_code == site.origin.request("n-10").status_code == 200
    assert site.origin.request("taken-1").headers["Takedown-Owner"] == "bob"


def test_the_same_list_again_changes_nothing_and_a_changed_file_is_found(site: ListedSite) -> None:
    site.picture("again-1.png")
    site.picture("again-2.png", colour=70)
    text = "code,path\nagain-1,again-1.png\nagain-2,again-2.png\n"
    site.run(text, "--owner", "ann")
    rows = site.outbox()
    assert "0 new, 0 changed, 2 unchanged" in site.run(text, "--owner", "ann").stdout
    assert "0 new, 0 changed, 2 unchanged" in site.run(text, "--owner", "ann", "--trust-size").stdout
    assert site.outbox() == rows, "what is unchanged purges nothing"

    changed = bytearray((site.root / "again-1.png").read_bytes())
    (site.root / "moved.png").write_bytes((site.root / "again-2.png").read_bytes())
    Image.effect_noise((390, 290), 61).save(site.root / "other.png")
    other = (site.root / "other.png").read_bytes()
    (site.root / "again-1.png").write_bytes(other)
    assert len(other) != len(changed)
    text = text.replace("again-2.png", "moved.png")
    assert "0 new, 2 changed, 0 unchanged" in site.run(text, "--owner", "ann", "--trust-size").stdout
    assert site.origin.request("again-1").content == other
    assert site.rows("again-2")["original"][1] == "moved.png"


def test_only_reading_finds_other_bytes_of_the_same_size(site: ListedSite) -> None:
    content = site.picture("same-size.bmp.png", colour=30)
    text = "code,path\nsame-size,same-size.bmp.png\n"
    site.run(text, "--owner", "ann")
    other = content[:-20] + bytes(8) + content[-12:]
    (site.root / "same-size.bmp.png").write_bytes(other)
    assert "1 unchanged" in site.run(text, "--owner", "ann", "--trust-size").stdout
    assert "1 unchanged" not in site.run(text, "--owner", "ann").stdout


def test_an_image_goes_from_a_copy_to_its_place_and_back(site: ListedSite) -> None:
    content = site.picture("both.png")
    text = "code,path\nboth-1,both.png\n"
    for in_place, path in ((False, None), (True, "both.png"), (False, None)):
        assert site.run(text, "--owner", "ann", in_place=in_place).returncode == 0
        assert site.rows("both-1")["original"] == (hashlib.sha256(content).hexdigest(), path)
        assert site.origin.request("both-1").content == content


def test_an_empty_table_of_renditions_records_without_making_any(site: ListedSite, tmp_path: Path) -> None:
    (tmp_path / "none.toml").touch()
    site.picture("bare.png")
    before = site.kept()
    empty = ["--renditions", str(tmp_path / "none.toml")]
    assert site.run("code,path\nbare-1,bare.png\n", "--owner", "ann", *empty).returncode == 0
    assert site.rows("bare-1").keys() == {"original"}
    assert site.kept() == before
    assert site.origin.request("bare-1/thumb").status_code == 404


def test_several_jobs_import_the_same_as_one(site: ListedSite) -> None:
    contents = {f"jobs-{number}": site.picture(f"jobs/{number}.png", (300, 200), number) for number in range(130)}
    text = "code,path\n" + "".join(f"jobs-{number},jobs/{number}.png\n" for number in range(130))
    result = site.run(text, "--owner", "ann", "--jobs", "4")
    assert result.stdout == "130 new, 0 changed, 0 unchanged, 0 refused\n", result.stderr
    for code, content in contents.items():
        assert site.rows(code)["original"][0] == hashlib.sha256(content).hexdigest()
        assert site.origin.request(f"{code}/thumb").status_code == 200


def test_an_import_that_is_killed_is_completed_by_the_same_again(site: ListedSite) -> None:
    lines = ["code,path\n", *(f"killed-{number},jobs/{number % 130}.png\n" for number in range(1000))]
    for number in range(130):
        site.picture(f"jobs/{number}.png", (300, 200), number)
    command = site.origin.origin_command("import", "--from", "-", "--in-place", f"file:{site.root}", "--owner", "ann")

    def count(query: str) -> int:
        with site.origin.admin.cursor() as cursor:
            cursor.execute(query)
            ((number,),) = cursor.fetchall()
        return int(str(number))

    def recorded() -> int:
        return count("SELECT COUNT(*) FROM images WHERE code LIKE 'killed-%'")

    def importing() -> int:
        return count("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'takedown_import'")

    with subprocess.Popen(
        command, stdin=subprocess.PIPE, env=site.origin.import_environment(), stdout=sys.stderr
    ) as running:
        assert running.stdin
        # The rest never comes, so that it cannot end before it is killed.
        running.stdin.write("".join(lines[:600]).encode())
        running.stdin.flush()
        wait_until(lambda: recorded() >= 200, "some images recorded")
        running.send_signal(signal.SIGKILL)
        running.wait()
    # The server may yet carry out what the import sent last.
    wait_until(lambda: importing() == 0, "the end of its connection")
    before = recorded()
    assert 200 <= before < 1000
    result = site.run("".join(lines), "--owner", "ann")
    assert result.stdout == f"{1000 - before} new, 0 changed, {before} unchanged, 0 refused\n"
    with site.origin.admin.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM images JOIN renditions USING (code) WHERE code LIKE 'killed-%'"
            " AND name IN ('original', 'thumb')"
        )
        assert cursor.fetchall() == [(2000,)]


@pytest.mark.parametrize(
    ("flags", "text", "fault"),
    [
        (["--owner", "ann"], "code,colour\n", "'colour' is no column"),
        ([], "code,path\na,b\n", "the list has no column owner: --owner has to name"),
        (["--owner", "ann"], "", "the list is empty"),
    ],
)
def test_a_list_that_cannot_be_used_is_wrong_usage(site: ListedSite, flags: list[str], text: str, fault: str) -> None:
    result = site.run(text, *flags)
    assert result.returncode == 2
    assert fault in result.stderr


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--owner", "ann"], "either DIRECTORY or --in-place"),
        (["--owner", "ann", "--in-place", "file:/srv"], "--in-place needs a list"),
        (["/tmp", "--owner", "ann", "--in-place", "file:/srv", "--from", "-"], "either DIRECTORY or --in-place"),
        (["/tmp"], "--owner has to name"),
        (["/tmp", "--owner", "ann", "--trust-size"], "--trust-size is for files in place"),
    ],
)
def test_arguments_that_do_not_fit_together_are_wrong_usage(site: ListedSite, arguments: list[str], fault: str) -> None:
    result = run_apart(site.origin.origin_command("import", *arguments), site.origin.import_environment())
    assert result.returncode == 2
    assert fault in result.stderr

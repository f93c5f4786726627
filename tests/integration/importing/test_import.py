"""Run ``origin import`` on real files and a real database."""

import hashlib
import itertools
import os
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image

from origin.cli.import_run import ImportProgress
from origin.importing.catalogue import Catalogue
from origin.importing.decoder_process import Decoders
from origin.importing.entries import directory_entries
from origin.importing.importer import Import
from origin.importing.picture_intake import Intake
from origin.importing.rules import ImportRules, Stability
from origin.importing.sources import DirectoryTree, TreeSource
from origin.stores.directory import Directory
from origin.stores.store import Store
from stack.processes.commands import run_apart
from takedown_db.connection.lasting_connection import Connection
from tests.support.images.images_with_metadata import EVERYTHING, FORMATS, GPS, ORIENTATION, SECRET, pixels
from tests.support.sites.origin_site import OriginSite


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginSite]:
    with OriginSite(tmp_path_factory.mktemp("origin-import"), ORIGIN_WORKERS="1") as running:
        yield running


def picture(path: Path, size: tuple[int, int] = (400, 300), mode: str = "RGB", colour: int = 60) -> Path:
    Image.effect_noise(size, colour).convert(mode).save(path)
    return path


def thumb(site: OriginSite, code: str) -> Image.Image:
    answer = site.request(f"{code}/thumb")
    assert answer.status_code == 200
    image = Image.open(BytesIO(answer.content))
    assert image.format is not None
    assert Image.MIME[image.format] == answer.headers["Content-Type"]
    return image


def outbox(site: OriginSite) -> int:
    with site.admin.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM invalidations")
        row = cursor.fetchone()
    assert row is not None
    return int(str(next(iter(row))))


@pytest.mark.parametrize(
    ("suffix", "content_type", "thumb_type"),
    [
        (".jpg", "image/jpeg", "image/jpeg"),
        (".png", "image/png", "image/png"),
        (".gif", "image/gif", "image/png"),
        (".webp", "image/webp", "image/webp"),
        (".avif", "image/avif", "image/avif"),
    ],
)
def test_each_kind_is_served_byte_for_byte_with_a_thumbnail(
    site: OriginSite, tmp_path: Path, suffix: str, content_type: str, thumb_type: str
) -> None:
    code = site.new_code()
    file = picture(tmp_path / f"{code}{suffix}", (640, 320))
    result = site.run_import(tmp_path)
    assert result.returncode == 0
    assert "1 new, 0 changed, 0 unchanged, 0 refused" in result.stdout
    answer = site.request(code)
    assert answer.content == file.read_bytes()
    assert answer.headers["Content-Type"] == content_type
    small = thumb(site, code)
    assert small.size == (256, 128)
    assert Image.MIME[str(small.format)] == thumb_type


def test_the_content_says_what_a_file_is_not_its_name(site: OriginSite, tmp_path: Path) -> None:
    code = site.new_code()
    picture(tmp_path / "x.png").rename(tmp_path / f"{code}.jpg")
    assert site.run_import(tmp_path).returncode == 0
    assert site.request(code).headers["Content-Type"] == "image/png"


def test_a_thumbnail_is_upright_small_and_tells_nothing_of_the_place(site: OriginSite, tmp_path: Path) -> None:
    code = site.new_code()
    image = Image.effect_noise((640, 320), 60).convert("RGB")
    exif = image.getexif()
    exif[ORIENTATION] = 6
    exif[GPS] = {1: "N", 2: (1.0, 2.0, 3.0)}
    image.save(tmp_path / f"{code}.jpg", exif=exif)
    assert site.run_import(tmp_path).returncode == 0
    assert thumb(site, code).size == (128, 256)
    assert not thumb(site, code).getexif()
    with site.admin.cursor() as cursor:
        cursor.execute("SELECT name, width, height FROM renditions WHERE code = %s ORDER BY name", (code,))
        assert cursor.fetchall() == [("original", 320, 640), ("thumb", 128, 256)]


@pytest.mark.parametrize("format_", FORMATS)
def test_metadata_is_taken_out_unless_it_is_to_be_kept(site: OriginSite, tmp_path: Path, format_: str) -> None:
    code = site.new_code()
    told = EVERYTHING[format_](6)
    (tmp_path / f"{code}.x").write_bytes(told)
    assert site.run_import(tmp_path).returncode == 0
    served = site.request(code)
    assert SECRET in told
    assert SECRET not in served.content
    assert pixels(served.content) == pixels(told)
    assert "1 unchanged" in site.run_import(tmp_path).stdout, "the same again is the same"
    assert_thumb_tells_nothing(site, code)

    assert "1 changed" in site.run_import(tmp_path, metadata="keep").stdout
    assert site.request(code).content == told
    assert "1 unchanged" in site.run_import(tmp_path, metadata="keep").stdout
    assert_thumb_tells_nothing(site, code)
    assert "1 changed" in site.run_import(tmp_path).stdout
    assert site.request(code).content == served.content


def assert_thumb_tells_nothing(site: OriginSite, code: str) -> None:
    assert SECRET not in site.request(f"{code}/thumb").content
    small = thumb(site, code)
    assert not small.getexif()
    assert not {"exif", "xmp", "comment", "dpi", "photoshop"} & small.info.keys()


def test_files_and_pictures_beyond_a_limit_are_refused_and_the_limit_can_be_set(
    site: OriginSite, tmp_path: Path
) -> None:
    large, heavy = site.new_code(), site.new_code()
    Image.new("1", (10000, 9500)).save(tmp_path / f"{large}.png")
    picture(tmp_path / f"{heavy}.png")
    size = (tmp_path / f"{heavy}.png").stat().st_size
    result = site.run_import(tmp_path, max_bytes=str(size - 1))
    assert result.returncode == 3
    assert f"{heavy}.png: {size} bytes, more than {size - 1}: a larger --max-bytes would take it" in result.stderr
    assert f"{large}.png: more than 89478485 pixels: a larger --max-pixels would take it" in result.stderr
    assert site.request(heavy).status_code == site.request(large).status_code == 404

    assert site.run_import(tmp_path, max_bytes=str(size), max_pixels="95000000").returncode == 0
    assert site.request(heavy).status_code == 200
    assert thumb(site, large).size == (256, 243)


def test_a_private_file_is_published_only_when_that_is_said(site: OriginSite, tmp_path: Path) -> None:
    code = site.new_code()
    picture(tmp_path / f"{code}.png").chmod(0o600)
    result = site.run_import(tmp_path)
    assert result.returncode == 3
    assert f"{code}.png: only its owner may read it (mode 0600): --include-private" in result.stderr
    assert site.request(code).status_code == 404
    assert site.run_import(tmp_path, "joe", "--include-private").returncode == 0
    assert site.request(code).status_code == 200


def test_symbolic_links_are_followed_only_when_that_is_said(site: OriginSite, tmp_path: Path) -> None:
    file, within = site.new_code(), site.new_code()
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for directory in (outside, inside):
        directory.mkdir()
    for code in (file, within):
        picture(outside / f"{code}.png")
    (inside / f"{file}.png").symlink_to(outside / f"{file}.png")
    (inside / "directory").symlink_to(outside)
    result = site.run_import(inside)
    assert result.returncode == 3
    assert "0 new, 0 changed, 0 unchanged, 2 refused" in result.stdout
    assert result.stderr.count("a symbolic link: --follow-symlinks imports") == 2
    assert site.request(file).status_code == site.request(within).status_code == 404

    site.run_import(inside, "joe", "--follow-symlinks")
    assert site.request(file).status_code == site.request(within).status_code == 200


def test_taking_over_an_image_names_the_ban_that_no_longer_hides_it(site: OriginSite, tmp_path: Path) -> None:
    code = site.new_code()
    picture(tmp_path / f"{code}.png")
    site.run_import(tmp_path, "alice")
    site.execute("INSERT INTO bans (scope, subject) VALUES ('owner', 'alice')")
    refused = site.run_import(tmp_path, "bob")
    assert refused.returncode == 3
    assert "--move gives it to bob and ends what the ban of owner alice does to it" in refused.stderr
    assert site.request(code).status_code == 410

    moved = site.run_import(tmp_path, "bob", "--move")
    assert moved.returncode == 0
    assert f"moved {code} here from owner alice; the ban of owner alice does not hide it any more" in moved.stderr
    assert site.request(code).headers["Takedown-Owner"] == "bob"


def test_hostile_files_are_refused_or_decoded_and_never_end_an_import(site: OriginSite, tmp_path: Path) -> None:
    """Import damaged images: cut off, or with bytes replaced, doubled or removed, the same ones in each run."""
    chance = random.Random(11)
    codes = {}
    for format_, number in itertools.product(FORMATS, range(30)):
        data = bytearray(EVERYTHING[format_](6))
        if number < 6:
            del data[chance.randrange(len(data)) :]
        else:
            for _ in range(chance.choice((1, 3, 30))):
                at = chance.randrange(len(data))
                data[at : at + chance.choice((0, 1, 1, 4))] = chance.randbytes(chance.choice((0, 1, 1, 4)))
        code = site.new_code()
        (tmp_path / f"{code}.x").write_bytes(data)
        codes[code] = format_
    for mode in ("strip", "keep"):
        result = site.run_import(tmp_path, metadata=mode)
        assert result.returncode == 3
        assert "Traceback" not in result.stderr
        refused = {Path(line.split(": ")[0]).stem for line in _refusals(result.stderr)}
        assert 0 < len(refused) < len(codes)
        for code in codes.keys() - refused:
            Image.open(BytesIO(site.request(code).content)).load()
            assert thumb(site, code).width <= 256
        if mode == "strip":
            assert all(site.request(code).status_code == 404 for code in refused)
    assert not [path for path in site.origin.files.iterdir() if path.is_file()], "nothing half done stays behind"


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("P", ".png"),
        ("1", ".png"),
        ("L", ".jpg"),
        ("LA", ".png"),
        ("RGBA", ".png"),
        ("CMYK", ".jpg"),
        ("RGBA", ".webp"),
    ],
)
def test_every_way_to_hold_colours_gets_a_thumbnail(site: OriginSite, tmp_path: Path, mode: str, suffix: str) -> None:
    code = site.new_code()
    picture(tmp_path / f"{code}{suffix}", mode=mode)
    result = site.run_import(tmp_path)
    assert result.returncode == 0, result.stderr
    assert thumb(site, code).size == (256, 192)


def test_sixteen_bit_grey_keeps_its_brightness(site: OriginSite, tmp_path: Path) -> None:
    code = site.new_code()
    Image.new("I;16", (300, 300), 0x8000).save(tmp_path / f"{code}.png")
    assert site.run_import(tmp_path).returncode == 0
    assert thumb(site, code).getpixel((9, 9)) == 0x80


def test_a_small_picture_is_not_blown_up(site: OriginSite, tmp_path: Path) -> None:
    code = site.new_code()
    picture(tmp_path / f"{code}.png", (40, 30))
    assert site.run_import(tmp_path).returncode == 0
    assert thumb(site, code).size == (40, 30)


def test_broken_files_are_passed_over_and_listed_with_the_reason(site: OriginSite, tmp_path: Path) -> None:
    good, other, twice, broken = (site.new_code() for _ in range(4))
    picture(tmp_path / f"{good}.png")
    picture(tmp_path / f"{twice}.png")
    picture(tmp_path / f"{twice}.jpg")
    whole = picture(tmp_path / f"{broken}.jpg").read_bytes()
    (tmp_path / f"{broken}.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "gone.png").symlink_to("nowhere")
    (tmp_path / ".hidden.png").write_text("a program's own")
    picture(tmp_path / "not a code.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "two\nlines.png").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")).touch()
    Image.new("1", (20000, 20000)).save(tmp_path / "bomb.png")
    (tmp_path / "within").mkdir()
    picture(tmp_path / "within" / f"{other}.webp")

    result = site.run_import(tmp_path)
    assert result.returncode == 3
    assert "3 new, 0 changed, 0 unchanged, 10 refused" in result.stdout
    refused = dict(line.removeprefix(f"refused {tmp_path}/").split(": ", 1) for line in _refusals(result.stderr))
    assert refused.keys() == {
        *(f"{twice}.png", f"{broken}.jpg", "notes.txt", "empty.png", "gone.png", "not a code.png", "bomb.png"),
        *("\\udcff.png", "two\\nlines.png", "pipe.png"),
    }
    assert str(tmp_path / f"{twice}.jpg") in refused[f"{twice}.png"]
    assert "truncated" in refused[f"{broken}.jpg"]
    assert "not a JPEG, PNG, GIF, WebP or AVIF" in refused["notes.txt"]
    assert "--follow-symlinks" in refused["gone.png"]
    assert "1 to 64 of A-Z a-z 0-9 _ -" in refused["not a code.png"]
    assert "--max-pixels" in refused["bomb.png"]
    assert "not a regular file" in refused["pipe.png"]
    assert site.request(good).status_code == site.request(other).status_code == 200
    assert site.request(broken).status_code == 404
    assert not [path for path in site.origin.files.iterdir() if path.is_file()], "nothing half done stays behind"

    again = site.run_import(tmp_path)
    assert again.returncode == 3
    assert "0 new, 0 changed, 3 unchanged, 10 refused" in again.stdout


def _refusals(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("refused ")]


def test_a_second_run_imports_what_changed_and_says_so(site: OriginSite, tmp_path: Path) -> None:
    same, other = site.new_code(), site.new_code()
    for code in (same, other):
        picture(tmp_path / f"{code}.png")
    site.run_import(tmp_path)
    before, rows = site.request(same), outbox(site)
    assert "0 new, 0 changed, 2 unchanged" in site.run_import(tmp_path).stdout
    assert outbox(site) == rows, "what is unchanged purges nothing"

    changed = picture(tmp_path / f"{other}.png")
    assert "0 new, 1 changed, 1 unchanged" in site.run_import(tmp_path).stdout
    assert site.request(other).content == changed.read_bytes()
    assert site.request(same).content == before.content
    with site.admin.cursor() as cursor:
        cursor.execute("SELECT subject FROM invalidations ORDER BY id DESC LIMIT 1")
        assert cursor.fetchone() == (other,)


def test_a_replacement_that_is_broken_leaves_the_image_as_it_was(site: OriginSite, tmp_path: Path) -> None:
    code = site.new_code()
    content = picture(tmp_path / f"{code}.png").read_bytes()
    site.run_import(tmp_path)
    (tmp_path / f"{code}.png").write_bytes(content[:500])
    assert site.run_import(tmp_path).returncode == 3
    assert site.request(code).content == content


def test_a_file_that_the_store_has_lost_is_brought_back(site: OriginSite, tmp_path: Path) -> None:
    code = site.new_code()
    content = picture(tmp_path / f"{code}.png").read_bytes()
    site.run_import(tmp_path)
    site.file_of(code).unlink()
    assert site.request(code).status_code == 500
    assert site.run_import(tmp_path).returncode == 0
    assert site.request(code).content == content


@pytest.mark.parametrize("rendition", ["original", "thumb"])
def test_a_file_that_was_cut_off_in_the_store_is_brought_back(site: OriginSite, tmp_path: Path, rendition: str) -> None:
    code = site.new_code()
    picture(tmp_path / f"{code}.png")
    site.run_import(tmp_path)
    path = code if rendition == "original" else f"{code}/thumb"
    content = site.request(path).content
    os.truncate(site.file_of(path), len(content) // 2)
    assert site.request(path).status_code == 500
    assert site.run_import(tmp_path).returncode == 0
    assert site.request(path).content == content


@pytest.mark.parametrize("was_known", [False, True])
def test_an_image_that_another_import_takes_at_the_same_time_is_refused(
    site: OriginSite, tmp_path: Path, was_known: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Let another import record the image after this one has looked up the owner, and before it records the image."""
    code, other = site.new_code(), site.new_code()
    for owner in ("early", "late"):
        (tmp_path / owner).mkdir()
        picture(tmp_path / owner / f"{code}.png")
    picture(tmp_path / "early" / f"{other}.png")
    if was_known:
        site.new_image(code, "early", stable_until="2040-01-01")

    class Slow(TreeSource):
        """A directory that is read so slowly that another import overtakes this one."""

        @contextmanager
        def open(self, path: str, max_bytes: int) -> Iterator[BinaryIO]:
            site.run_import(tmp_path / "late", "late", "--move", "--not-stable")
            with super().open(path, max_bytes) as file:
                yield file

    rules = ImportRules()
    with (
        closing(Connection(site.database.url("import"), timeout=10)) as connection,
        Decoders(rules, 1) as decoders,
        ImportProgress(None) as progress,
    ):
        tree = DirectoryTree(tmp_path / "early", follow_symlinks=False)
        intake = Intake(Store(Directory(site.origin.files)), rules, decoders)
        source = Slow(tree, include_private=False)
        run = Import(source, intake, Catalogue(connection), rules, progress)
        files = tree.files(lambda *_: None)
        run.run(directory_entries(tree, files, "early", Stability(), run.pass_over))
    told = capsys.readouterr().err
    reason = "an image of owner late has this code: --move gives it to early"
    assert f"refused {tmp_path / 'early' / code}.png: {reason}\n" in told
    assert "moved" not in told
    assert (run.outcome.new, run.outcome.changed, run.outcome.refused) == (1, 0, 1)
    answer = site.request(code)
    assert answer.headers["Takedown-Owner"] == "late"
    assert "Expires" not in answer.headers
    assert answer.content == (tmp_path / "late" / f"{code}.png").read_bytes()
    assert site.request(other).headers["Takedown-Owner"] == "early"


def test_another_owner_and_another_stability_are_changes(site: OriginSite, tmp_path: Path) -> None:
    code = site.new_code()
    picture(tmp_path / f"{code}.png")
    site.run_import(tmp_path, "ann", stable_until="2040-01-01")
    assert "Expires" in site.request(code).headers
    assert "1 unchanged" in site.run_import(tmp_path, "ann").stdout, "what is not said stays as it is"

    assert "an image of owner ann has this code: --move gives it to bea\n" in site.run_import(tmp_path, "bea").stderr
    assert site.request(code).headers["Takedown-Owner"] == "ann"

    moved = site.run_import(tmp_path, "bea", "--move")
    assert "1 changed" in moved.stdout
    assert f"moved {code} here from owner ann\n" in moved.stderr
    assert site.request(code).headers["Takedown-Owner"] == "bea"
    assert site.request(code).headers["Expires"] == "Sun, 01 Jan 2040 00:00:00 GMT"

    assert site.run_import(tmp_path, "bea", "--not-stable").returncode == 0
    assert "Expires" not in site.request(code).headers


def test_the_file_is_stored_before_the_row_that_names_it(site: OriginSite, tmp_path: Path) -> None:
    """Fail between file and row: a file without a row is left over, never a row without a file."""
    code = site.new_code()
    digest = hashlib.sha256(picture(tmp_path / f"{code}.png").read_bytes()).hexdigest()
    site.execute("REVOKE INSERT ON renditions FROM takedown_import")
    try:
        failed = site.run_import(tmp_path)
    finally:
        site.execute("GRANT INSERT ON renditions TO takedown_import")
    assert failed.returncode == 1
    assert "INSERT command denied" in failed.stderr
    assert "importing" not in failed.stderr, "no progress bar goes into a pipe"
    assert "Traceback" not in failed.stderr
    assert "0 new" in failed.stdout
    assert (site.origin.files / digest[:2] / digest[2:4] / digest).exists()
    assert site.request(code).status_code == 404, "neither of its rows is there"
    assert "1 new" in site.run_import(tmp_path).stdout
    assert site.request(code).status_code == 200


@pytest.mark.parametrize("owner", ["", "a b", "x" * 65, "é"])
def test_an_owner_outside_the_alphabet_is_a_usage_error(site: OriginSite, tmp_path: Path, owner: str) -> None:
    result = site.run_import(tmp_path, owner)
    assert result.returncode == 2
    assert "1 to 64 of A-Z a-z 0-9 _ -" in result.stderr


def test_no_database_is_a_clear_error(site: OriginSite, tmp_path: Path) -> None:
    environment = {**site.import_environment(), "ORIGIN_IMPORT_DATABASE_URL": "mysql://x@127.0.0.1:1/x"}
    result = run_apart(site.origin_command("import", str(tmp_path), "--owner", "x"), environment)
    assert result.returncode == 1
    assert "127.0.0.1" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_site_makes_the_renditions_of_its_own_table(site: OriginSite, tmp_path: Path) -> None:
    code = site.new_code()
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    picture(pictures / f"{code}.png", (800, 600))
    assert site.run_import(pictures).returncode == 0
    table = tmp_path / "renditions.toml"
    table.write_text('[thumb]\nwidth = 256\nheight = 256\n[small]\nwidth = 64\nheight = 64\nformat = "webp"\n')
    assert "1 changed" in site.run_import(pictures, renditions=str(table)).stdout, "a new rendition is made later"
    answer = site.request(f"{code}/small")
    assert answer.headers["Content-Type"] == "image/webp"
    assert Image.open(BytesIO(answer.content)).size == (64, 48)
    assert thumb(site, code).size == (256, 192)
    assert "1 unchanged" in site.run_import(pictures, renditions=str(table)).stdout

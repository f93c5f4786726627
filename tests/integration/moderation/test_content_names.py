"""Ban content by each name that the world has for it: what was uploaded, imported and lies in place goes together."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from click.testing import Result

from stack.object_store import ObjectStoreServer
from stack.processes.commands import command, run_apart
from tests.support.images.images_with_metadata import noise, saved, told_of
from tests.support.sites.moderation_desk import ban_id, moderate
from tests.support.sites.upload_site import UploadSite

KINDS = ("sha256", "sha1", "md5", "canonical")

_numbers = count(1)


class Picture:
    """A picture that nobody else has, as files with different metadata."""

    def __init__(self) -> None:
        self._image = noise(size=(64, 64), grain=next(_numbers) + 40)

    def file(self, comment: str = "a") -> bytes:
        return saved(self._image, "JPEG", comment=comment.encode(), exif=told_of())


class Place:
    """Uploads, imports and a tree in place, over one database."""

    def __init__(self, uploads: UploadSite, tree: Path) -> None:
        self.uploads = uploads
        self.tree = tree

    def upload(self, content: bytes) -> tuple[int, str]:
        code = f"up-{next(_numbers)}"
        return self.uploads.put(code, content).status_code, code

    def uploaded(self, content: bytes) -> str:
        status, code = self.upload(content)
        assert status == 201
        return code

    def imported(self, content: bytes, *flags: str) -> str:
        code = f"im-{next(_numbers)}"
        directory = self.uploads.site.directory / code
        directory.mkdir()
        (directory / f"{code}.jpg").write_bytes(content)
        self._import([str(directory), *flags])
        return code

    def in_place(self, content: bytes) -> str:
        code = f"in-{next(_numbers)}"
        (self.tree / f"{code}.jpg").write_bytes(content)
        self._import(["--from", "-", "--in-place", f"file:{self.tree}"], f"code,path\n{code},{code}.jpg\n")
        return code

    def _import(self, arguments: list[str], text: str = "") -> None:
        environment = self.uploads.site.import_environment()
        done = run_apart([command("origin"), "import", *arguments, "--owner", "ann"], environment, text)
        assert done.returncode == 0, done.stderr

    def statuses(self, *codes: str) -> set[int]:
        return {self.uploads.site.request(code).status_code for code in codes}

    def moderate(self, *arguments: str, code: int = 0) -> Result:
        return moderate(self.uploads.site.database.url("moderation"), *arguments, code=code)

    def ban(self, *arguments: str) -> Result:
        # Without a purger nobody tells edges of it: exit code 3.
        return self.moderate("ban", *arguments, code=3)

    def lift(self, *arguments: str) -> Result:
        return self.moderate("lift", *arguments, code=3)


@pytest.fixture(scope="module", params=["directory", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("names")
    tree = directory / "tree"
    tree.mkdir()
    with ExitStack() as stack:
        options = {"ORIGIN_IN_PLACE": f"file:{tree}"}
        if request.param == "bucket":
            options |= stack.enter_context(ObjectStoreServer(directory / "bucket")).origin_options()
        yield Place(stack.enter_context(UploadSite(directory, options)), tree)


def name_of(content: bytes, kind: str, place: Place, code: str) -> str:
    """Return a name of a file; the canonical one is what the store has of an upload."""
    return place.uploads.site.digest_of(code) if kind == "canonical" else hashlib.new(kind, content).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_each_name_of_an_upload_takes_all_copies_and_refuses_the_next(place: Place, kind: str) -> None:
    picture = Picture()
    content, variant = picture.file(), picture.file("other metadata")
    codes = [place.uploaded(content), place.uploaded(content), place.uploaded(variant), place.in_place(content)]
    names = {each: name_of(content, each, place, codes[0]) for each in KINDS}
    other = place.uploaded(Picture().file())
    assert place.statuses(*codes, other) == {200}
    assert "would ban" in place.moderate("ban", "--digest", names[kind], "--dry-run").stdout
    assert "4 images" in place.ban("--digest", names[kind].upper()).stdout
    assert place.statuses(*codes) == {410}
    assert place.statuses(other) == {200}
    files = set(place.uploads.files())
    for refused in (content, variant):
        assert place.upload(refused)[0] == 451
    assert set(place.uploads.files()) == files, "what is refused is not stored"
    assert all(place.uploads.verdict(name)["banned"] for name in names.values())
    for later in (place.imported(variant), place.imported(content, "--metadata", "keep"), place.in_place(variant)):
        assert place.statuses(later) == {410}
        codes.append(later)
    # Any name lifts it.
    place.lift("--digest", names[KINDS[KINDS.index(kind) - 1]])
    assert place.statuses(*codes) == {200}
    assert not any(place.uploads.verdict(name)["banned"] for name in names.values())
    assert place.upload(variant)[0] == 201


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_no_image_has_yet_is_banned_ahead(place: Place, kind: str) -> None:
    picture = Picture()
    content = picture.file()
    sample = place.uploaded(Picture().file())
    if kind == "canonical":
        first = place.uploaded(content)
        name = name_of(content, kind, place, first)
        codes = [first]
    else:
        name, codes = hashlib.new(kind, content).hexdigest(), []
    place.uploads.ban("digest", name)  # as a site's own programs do
    assert place.uploads.verdict(name)["banned"]
    assert place.upload(content)[0] == 451
    codes += [place.imported(content), place.in_place(content), place.imported(content, "--metadata", "keep")]
    assert place.statuses(*codes) == {410}
    assert place.statuses(sample) == {200}
    assert place.upload(picture.file("other metadata"))[0] == 451, "its content is known by now"
    place.lift("--digest", name)
    assert place.statuses(*codes) == {200}


@pytest.mark.parametrize("kind", ["sha256", "sha1", "md5"])
def test_a_ban_that_waits_meets_a_content_that_is_there_under_other_names(place: Place, kind: str) -> None:
    picture = Picture()
    content, variant = picture.file(), picture.file("other metadata")
    shown = place.uploaded(content)
    result = place.ban("--digest", hashlib.new(kind, variant).hexdigest(), "--ahead")
    assert place.statuses(shown) == {200}, "nobody can know that it is the same picture"
    by_code = ban_id(place.ban("--same-as", shown))
    assert place.upload(variant)[0] == 451
    meeting = place.imported(variant)
    assert place.statuses(shown, meeting) == {410}
    for ban in (by_code, ban_id(result)):
        assert place.statuses(shown, meeting) == {410}
        place.uploads.site.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP() WHERE id = %s", ban)
    assert place.statuses(shown, meeting) == {200}


@pytest.mark.parametrize("number", range(4))
def test_in_place_and_by_upload_the_same_bytes_are_one_content(place: Place, number: int) -> None:
    content = Picture().file()
    codes = [place.uploaded(content), place.uploaded(content), place.imported(content), place.in_place(content)]
    assert "4 images" in place.ban("--same-as", codes[number]).stdout
    assert place.statuses(*codes) == {410}
    place.lift("--same-as", codes[number - 1])
    assert place.statuses(*codes) == {200}


def test_a_file_is_banned_as_it_was_uploaded(place: Place, tmp_path: Path) -> None:
    content = Picture().file()
    code = place.uploaded(content)
    (tmp_path / "a.jpg").write_bytes(content)
    result = place.ban("--file", str(tmp_path / "a.jpg"))
    assert f"names the content {place.uploads.site.digest_of(code)}" in result.stderr
    assert place.statuses(code) == {410}

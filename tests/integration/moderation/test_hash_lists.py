"""Ban and suggest what lists of hashes name, and take back what they withdraw."""

import hashlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from click.testing import Result

from tests.support.images.images_with_metadata import noise, saved
from tests.support.list_server import ListServer, list_server
from tests.support.sites.moderation_desk import moderate
from tests.support.sites.upload_site import UploadSite

_numbers = count(1)


class Lists:
    """An origin with uploads, and a list that is published anew for each test."""

    def __init__(self, uploads: UploadSite, server: ListServer) -> None:
        self.uploads = uploads
        self.server = server

    def run(self, *arguments: str, code: int = 0) -> Result:
        return moderate(self.uploads.site.database.url("moderation"), "lists", *arguments, code=code)

    def add(self, policy: str) -> str:
        name = f"list{next(_numbers)}"
        self.run("add", name, self.server.url, "--policy", policy)
        return name

    def fetch(self, name: str, *hashes: str) -> str:
        self.server.publish("".join(f"{each}\n" for each in hashes))
        return self.run("fetch", name).stdout

    def upload(self, content: bytes) -> tuple[int, str]:
        code = f"listed{next(_numbers)}"
        return self.uploads.put(code, content).status_code, code

    def uploaded(self, content: bytes) -> str:
        status, code = self.upload(content)
        assert status == 201
        return code

    def status(self, code: str) -> int:
        return self.uploads.site.request(code).status_code

    def open_bans(self, name: str) -> int:
        return self.uploads.count(
            "SELECT COUNT(*) FROM bans WHERE banned_by = %s AND lifted_at IS NULL", f"list {name}"
        )


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lists]:
    with UploadSite(tmp_path_factory.mktemp("lists")) as uploads, list_server() as server:
        yield Lists(uploads, server)


def picture(comment: str = "a", grain: int | None = None) -> bytes:
    return saved(noise(size=(64, 64), grain=grain or next(_numbers) + 4000), "JPEG", comment=comment.encode())


def digest(kind: str, content: bytes) -> str:
    return hashlib.new(kind, content).hexdigest()


OTHER = digest("md5", b"of nobody")


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_a_list_bans_what_is_there_and_lifts_what_it_withdraws(lists: Lists, kind: str) -> None:
    content, unlisted = picture(), picture()
    code, other = lists.uploaded(content), lists.uploaded(unlisted)
    name = lists.add("ban")
    assert "2 entries, 1 new ban" in lists.fetch(name, digest(kind, content), OTHER)
    assert (lists.status(code), lists.status(other)) == (410, 200)
    assert lists.upload(content)[0] == 451
    assert "0 new bans" in lists.fetch(name, digest(kind, content), OTHER)
    assert lists.open_bans(name) == 1
    # Another's ban on the same content is not the list's to lift.
    own = lists.uploads.ban("digest", digest("sha256", content))
    assert "1 lifted" in lists.fetch(name, OTHER)
    assert lists.open_bans(name) == 0
    assert lists.uploads.count("SELECT COUNT(*) FROM bans WHERE id = %s AND lifted_at IS NULL", own) == 1
    assert lists.status(code) == 410
    with lists.uploads.site.admin.cursor() as cursor:
        cursor.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE id = %s", (own,))
    assert lists.status(code) == 200
    assert "1 new ban" in lists.fetch(name, digest(kind, content))


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_what_comes_later_is_refused_and_not_stored(lists: Lists, kind: str) -> None:
    content = picture()
    name = lists.add("ban")
    assert "1 entries, 0 new bans" in lists.fetch(name, digest(kind, content))
    files = set(lists.uploads.files())
    assert lists.upload(content)[0] == 451
    assert set(lists.uploads.files()) == files
    assert lists.open_bans(name) == 1
    assert lists.uploads.verdict(digest(kind, content))["banned"]


def test_a_lift_by_a_person_holds(lists: Lists) -> None:
    content = picture()
    code = lists.uploaded(content)
    name = lists.add("ban")
    lists.fetch(name, digest("md5", content))
    moderate(lists.uploads.site.database.url("moderation"), "lift", "--digest", digest("md5", content), code=3)
    assert "0 new bans" in lists.fetch(name, digest("md5", content), digest("sha1", content))
    assert lists.status(code) == 200
    assert lists.upload(content)[0] == 201


def test_a_list_that_asks_bans_nothing(lists: Lists) -> None:
    there, later = picture(), picture()
    code = lists.uploaded(there)
    name = lists.add("ask")
    assert "1 new suggestion" in lists.fetch(name, digest("md5", there), digest("sha1", later))
    assert lists.status(code) == 200
    assert lists.upload(later)[0] == 201
    shown = lists.run("show", name).stdout
    assert digest("md5", there) in shown
    assert digest("sha1", later) in shown
    assert "1 suggestions withdrawn" in lists.fetch(name, digest("md5", there))
    assert lists.open_bans(name) == 0


@pytest.mark.parametrize(
    ("body", "length"),
    [("{}\n", 66), ("{}\n{}\n", 65), ("", 0), ("{}\nno hash\n", 41)],
    ids=["breaks off", "lies", "empty", "malformed"],
)
def test_a_list_that_is_not_whole_changes_nothing(lists: Lists, body: str, length: int) -> None:
    content = picture()
    code = lists.uploaded(content)
    name = lists.add("ban")
    lists.fetch(name, digest("md5", content))
    lists.server.publish(body.format(OTHER, OTHER), f"Content-Length: {length}")
    assert f"list {name} is unchanged" in lists.run("fetch", name, code=3).stderr
    assert lists.status(code) == 410
    assert lists.open_bans(name) == 1
    assert lists.uploads.count("SELECT COUNT(*) FROM lists WHERE name = %s AND problem IS NOT NULL", name) == 1
    lists.fetch(name, digest("md5", content))
    assert lists.uploads.count("SELECT COUNT(*) FROM lists WHERE problem IS NOT NULL") == 0


def test_a_list_of_pdq_hashes_bans_nothing(lists: Lists, tmp_path: Path) -> None:
    content = picture()
    code = lists.uploaded(content)
    name = f"pdq{next(_numbers)}"
    (tmp_path / "list.csv").write_text(f"pdq\n{digest('sha256', content)}\n")
    lists.run("add", name, str(tmp_path / "list.csv"), "--policy", "ban")
    assert "1 entries, 0 new bans" in lists.run("fetch", name).stdout
    assert lists.status(code) == 200


def test_a_removed_list_leaves_its_bans(lists: Lists) -> None:
    content = picture()
    code = lists.uploaded(content)
    name = lists.add("ban")
    lists.fetch(name, digest("md5", content))
    assert "1 ban of it" in lists.run("remove", name).stdout
    assert lists.status(code) == 410
    assert "no list" in lists.run("fetch", name, code=1).stderr
    assert lists.uploads.count("SELECT COUNT(*) FROM list_entries WHERE list NOT IN (SELECT id FROM lists)") == 0

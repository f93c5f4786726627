"""Read Takedown-Seen and Takedown-Changed, the batches that the origin's lookup saw, over a real database."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from stack.processes.waiting import PATIENCE
from tests.support.ask_again import ask_again
from tests.support.sites.origin_site import OriginSite


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginSite]:
    with OriginSite(tmp_path_factory.mktemp("origin"), ORIGIN_WORKERS="1") as running:
        yield running


def ask(url: str, method: str = "GET") -> requests.Response:
    return ask_again(lambda: requests.request(method, url, timeout=PATIENCE), url)


def seen(answer: requests.Response) -> int:
    return int(answer.headers["Takedown-Seen"])


def test_each_answer_says_the_last_batch_that_its_lookup_saw(site: OriginSite) -> None:
    code = site.new_image()
    etag = site.request(code).headers["ETag"]
    before = site.last_batch()
    site.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'somebody-else')")
    assert seen(site.request(code)) == before, "a change counts from its number on"
    site.number()
    assert site.last_batch() == before + 1
    answers = {
        200: site.request(code),
        206: site.request(code, range="bytes=0-9"),
        304: site.request(code, if_none_match=etag),
        404: site.request("nobody"),
        410: site.request("somebody-else"),
        416: site.request(code, range="bytes=99999999-"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert seen(answer) == before + 1
    assert seen(site.request(code, "HEAD")) == before + 1


def test_each_answer_says_the_batch_of_the_last_change_of_image_and_owner(site: OriginSite) -> None:
    def changed() -> str:
        return site.request(code).headers["Takedown-Changed"]

    code, owner = site.new_image(), "owner-changed"
    site.execute("UPDATE images SET owner = %s WHERE code = %s", owner, code)
    assert changed() == "pending"
    site.number()
    assert changed() == str(site.last_batch())
    site.execute("INSERT INTO bans (scope, subject) VALUES ('owner', %s)", owner)
    assert changed() == "pending"
    site.number()
    own = site.last_batch()
    site.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'somebody-else')")
    site.number()
    assert (changed(), site.last_batch()) == (str(own), own + 1), "not what concerns others"
    site.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE subject = %s", owner)
    site.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)
    with site.admin.cursor() as cursor:
        cursor.execute("CALL number_invalidations(NULL, NULL, @size, @more)")
    assert changed() == str(own + 2), "numbered by either version"
    assert site.request("nobody-at-all").headers["Takedown-Changed"] == "0"


@pytest.mark.parametrize(("path", "method"), [("nobody/original", "GET"), ("a.b", "GET"), ("nobody", "POST")])
def test_an_answer_without_a_lookup_says_nothing(site: OriginSite, path: str, method: str) -> None:
    assert "Takedown-Seen" not in site.request(path, method).headers
    assert "Takedown-Seen" in site.request("nobody").headers


def test_an_answer_that_has_seen_a_bans_number_has_seen_the_ban(site: OriginSite) -> None:
    """Request codes by three clients while they are banned: batch and state come from one snapshot."""
    codes = [site.new_code() for _ in range(100)]
    number_of: dict[str, int] = {}

    def ask_until_banned() -> list[tuple[str, int, int]]:
        answers = []
        with requests.Session() as session:
            for code in codes:
                status = 404
                while status != 410:
                    answer = session.get(f"{site.origin.url}/images/{code}", timeout=PATIENCE)
                    status = answer.status_code
                    if status != 503:  # on a busy machine a lookup may take too long
                        answers.append((code, seen(answer), status))
        return answers

    with ThreadPoolExecutor(3) as clients:
        asked = [clients.submit(ask_until_banned) for _ in range(3)]
        for code in codes:
            site.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)
            site.number()
            number_of[code] = site.last_batch()
    for code, number, status in (answer for client in asked for answer in client.result()):
        assert status == 410 or number < number_of[code], code


@pytest.mark.parametrize("status", ["410", "200"])
def test_a_banned_image_is_marked_and_names_the_bytes_that_are_shown(site: OriginSite, status: str) -> None:
    code = site.new_image()
    with site.another_origin(f"marked-{status}", ORIGIN_BANNED_STATUS=status, ORIGIN_WORKERS="1") as origin:
        url = f"{origin.url}/images/{code}"
        assert not ask(url).headers.keys() & {"Takedown-State", "Repr-Digest"}
        site.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)
        answer = ask(url)
        assert answer.status_code == int(status)
        digest = b64encode(hashlib.sha256(answer.content).digest()).decode()
        for marked in (answer, ask(url, "HEAD")):
            assert marked.headers["Takedown-State"] == "banned"
            assert marked.headers["Repr-Digest"] == f"sha-256=:{digest}:"


def test_a_database_that_has_lost_its_numbers_is_500_until_it_is_migrated(tmp_path: Path) -> None:
    with OriginSite(tmp_path, ORIGIN_WORKERS="1") as site:
        code = site.new_image()
        site.execute("DELETE FROM numbering")
        answer = site.request(code)
        assert answer.status_code == 500
        assert answer.headers["Cache-Control"] == "no-store"
        assert "table numbering has lost its row: run `purger migrate`" in site.origin.log_text()
        site.database.migrate()
        assert site.request(code).status_code == 200

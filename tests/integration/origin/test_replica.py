"""Let the origin read a replica: it does so only with its setting, and reports the replica's last batch."""

from collections.abc import Iterator
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import pytest
import requests

from origin.answering.lookup import DATED_LAG
from stack.origin import Origin
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.database.replica import Primary, Replica
from tests.support.sites.origin_site import OriginSite, lookup_in_time


class Copied(NamedTuple):
    """A site whose database has a replica, and an origin that reads the replica."""

    site: OriginSite
    copy: Replica
    origin: Origin

    def ask(self, code: str) -> requests.Response:
        """Send a request to the origin that reads the replica, again where it could not ask that in time."""
        return wait_until(lambda: lookup_in_time(self.ask_once(code)), f"a lookup in time for {code}")

    def ask_once(self, code: str) -> requests.Response:
        """Send a request as ``ask`` does, and return whatever comes."""
        return requests.get(f"{self.origin.url}/images/{code}", timeout=PATIENCE)

    def new_origin(self, name: str, **options: str) -> Origin:
        return self.site.another_origin(
            name, ORIGIN_DATABASE_URL=self.copy.url("origin"), ORIGIN_WORKERS="1", **options
        )


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copied]:
    directory = tmp_path_factory.mktemp("copied")
    primary = Primary(directory / "primary")
    with ExitStack() as running:
        site = running.enter_context(OriginSite(directory, primary))
        copy = running.enter_context(Replica(directory / "copy", primary))
        copy.wait_caught_up()
        copied = Copied(site, copy, site.origin)
        origin = running.enter_context(copied.new_origin("replica", ORIGIN_REPLICA="true"))
        yield copied._replace(origin=origin)


def test_a_copy_is_refused_unless_the_origin_was_told_to_read_one(copied: Copied) -> None:
    with copied.new_origin("not-told") as origin:
        answer = requests.get(f"{origin.url}/images/nobody", timeout=PATIENCE)
        assert answer.status_code == 503
        assert "Takedown-Seen" not in answer.headers
        assert "connect to the primary" in origin.log_text()


def test_a_copy_that_lags_is_answered_from_with_the_number_that_it_has(copied: Copied) -> None:
    site, copy = copied.site, copied.copy
    code = site.new_image()
    copy.wait_caught_up()
    before = site.last_batch()
    with copy.behind():
        site.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)
        site.number()
        assert (site.request(code).status_code, site.last_batch()) == (410, before + 1)
        late = copied.ask(code)
        assert (late.status_code, late.headers["Takedown-Seen"]) == (200, str(before))
    copy.wait_caught_up()
    answer = copied.ask(code)
    assert (answer.status_code, answer.headers["Takedown-Seen"]) == (410, str(before + 1))


def test_a_copy_tells_no_date_while_a_change_of_the_same_second_may_be_under_way(copied: Copied) -> None:
    code = copied.site.new_image()
    copied.copy.wait_caught_up()
    answer = wait_until(
        lambda: answer if "Last-Modified" in (answer := copied.ask(code)).headers else None, "the date by the copy"
    )
    assert answer.headers["Last-Modified"] == copied.site.request(code).headers["Last-Modified"]
    told, changed = (parsedate_to_datetime(answer.headers[name]) for name in ("Date", "Last-Modified"))
    assert told - changed >= DATED_LAG


def test_a_copy_that_is_away_is_503_and_comes_back(copied: Copied) -> None:
    code = copied.site.new_image()
    copied.copy.wait_caught_up()
    copied.copy.kill()
    try:
        assert copied.ask_once(code).status_code == 503
    finally:
        copied.copy.start()
    wait_until(lambda: copied.ask(code).status_code == 200, "the image again")

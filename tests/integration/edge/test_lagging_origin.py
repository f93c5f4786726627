"""Let the origin read a replica that lags: the edge refuses answers that are older than a purge."""

from collections.abc import Iterator
from itertools import count

import pytest
import requests

from stack.processes.waiting import wait_until
from tests.support.sites.lagging_site import LaggingSite

_numbers = count(1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaggingSite]:
    with LaggingSite(tmp_path_factory.mktemp("lagging")) as running:
        yield running


def new_image(site: LaggingSite, last: str) -> str:
    """Import an image whose code ends with this character, by which edges group codes."""
    code = f"lagging-{next(_numbers)}{last}"
    site.import_images([code])
    wait_kept(site, code, 200)
    return code


def wait_kept(site: LaggingSite, code: str, status: int) -> requests.Response:
    """Wait until the edge answers with this status from its cache."""

    def kept() -> requests.Response | None:
        answer = site.get(code)
        return answer if (answer.status_code, is_hit(answer)) == (status, True) else None

    return wait_until(kept, f"{code} kept as {status}")


def is_hit(answer: requests.Response) -> bool:
    return "; hit" in answer.headers["Cache-Status"]


def assert_refused(site: LaggingSite, code: str) -> None:
    """Wait until the edge answers 503, and assert that it caches no answer made from the replica."""
    before = stale(site)
    # Where the copy's server is held up, it is the origin that answers 503.
    wait_until(lambda: site.get(code).status_code == 503 and stale(site) > before, f"{code} refused")
    for _ in range(20):
        answer = site.get(code)
        assert answer.status_code == 503 or not is_hit(answer)
    nobody = f"nobody-{next(_numbers)}-z"
    wait_until(lambda: site.get(nobody).status_code == 404, "other groups go on")


def stale(site: LaggingSite) -> int:
    """Return the number of answers that the edge has refused, by its own count."""
    return int(site.edge.ask("HEARTBEAT").headers["Takedown-Stale"])


def test_a_ban_is_gone_although_the_origin_reads_a_copy_that_has_it_not_yet(site: LaggingSite) -> None:
    code = new_image(site, "a")
    with site.copy.behind():
        site.moderate("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)
        assert_refused(site, code)
    assert wait_kept(site, code, 410).headers["Takedown-State"] == "banned"


def test_a_lift_shows_no_special_image_for_longer_than_the_copy_lags(site: LaggingSite) -> None:
    code = new_image(site, "b")
    site.moderate("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)
    wait_kept(site, code, 410)
    with site.copy.behind():
        site.moderate("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE subject = %s", code)
        assert_refused(site, code)
    wait_kept(site, code, 200)

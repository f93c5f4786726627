"""Answer requests of the console without servers: guards, forms, escaping, pictures and charts."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import pytest

from purger.console import listener
from purger.console.app import ConsoleApp
from purger.console.database import Databases
from purger.console.overview_page import OverviewPage, _values
from purger.console.sign_in_pages import _own_path
from purger.console.state import charts
from purger.console.state.image_views import LARGEST_PICTURE, Body, ImageViews, Picture, Pictures
from purger.console.state.takedowns import AtEdge, Latency, LatestTakedowns, Takedown
from purger.console.state.watch import FleetWatch, Overview
from purger.console.templating import render, static_files
from purger.console.users.access import Access
from purger.console.users.settings import ConsoleSettings
from purger.console.users.users import hash_password
from purger.console.web import comes_from_us, host_is_ours
from purger.fleet.problems import Problem, find_problems
from purger.fleet.state import EdgeProblem, EdgeState, FleetState
from purger.model import PurgerPresence
from takedown_base.listen_address import Address
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection
from tests.support.sites.console_site import PASSWORD, write_users

OURS = frozenset({"http://127.0.0.1:6190", "http://localhost:6190"})
HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m\"'&"
AT = datetime(2026, 11, 25, 1, 2, 3)


class NoDatabase:
    """A database that nobody may use: a request that gets as far fails with 503."""

    moderates = True

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        raise DatabaseUnavailableError("reached the database")
        yield

    moderating = reading


class Seen:
    """A watch that has always seen the same."""

    def latest(self) -> Overview:
        edge = EdgeState(
            name="paris", mode="trusted", lease_remaining=9.4, lag=2, recorded=EdgeProblem("refused", HOSTILE)
        )
        takedown = Takedown(
            action="ban",
            at=AT,
            scope="image",
            subjects=("x",),
            reason=HOSTILE,
            person=HOSTILE,
            batch=1,
            edges=(AtEdge(edge="paris", acknowledged=0.004, gone=True), AtEdge(edge="rome", note=HOSTILE)),
        )
        problems = (Problem(f"edge paris: {HOSTILE}", "compare the token files"),)
        takedowns = LatestTakedowns((takedown,), tuple(Latency(AT + timedelta(seconds=n), 0.004 * n) for n in range(9)))
        return Overview(AT, FleetState(edges=(edge,), server=HOSTILE), problems, takedowns)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[ConsoleApp]:
    access = Access(ConsoleSettings(listen=Address("127.0.0.1", 6190), users=write_users(tmp_path / "users")))
    databases, views = cast(Databases, NoDatabase()), ImageViews()
    overview = OverviewPage(cast(FleetWatch, Seen()), moderation=True)
    app = ConsoleApp(access, overview, databases, views)
    app.origins = OURS
    yield app
    views.close()


class Client:
    """A browser that speaks WSGI."""

    def __init__(self, app: ConsoleApp, name: str | None = None) -> None:
        self.app = app
        self.cookie = ""
        if name is not None:
            _, headers, _ = self.send("POST", "/sign-in", {"name": name, "password": PASSWORD})
            self.cookie = headers["Set-Cookie"].partition(";")[0]

    def send(
        self, method: str, path: str, form: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        body = "&".join(f"{name}={value}" for name, value in (form or {}).items()).encode()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "HTTP_HOST": "127.0.0.1:6190",
            "CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body), "HTTP_COOKIE": self.cookie,
            **({"HTTP_ORIGIN": "http://127.0.0.1:6190"} if method == "POST" else {}),
            **headers,
        }  # fmt: skip
        got: list[Any] = []
        text = b"".join(self.app(environ, lambda status, head: got.extend((status, head)))).decode()
        return int(got[0][:3]), dict(got[1]), text

    def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.send("GET", "/")[2])
        assert found is not None
        return found[1]


def test_every_value_of_a_page_is_escaped_and_on_one_line(app: ConsoleApp) -> None:
    status, headers, text = Client(app, "anna").send("GET", "/")
    assert status == 200
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert re.findall(r"<script[^>]*>", text) == [f'<script src="{static_files()["console.js"].url}" defer>']
    assert " style=" not in text
    assert re.findall(r" on[a-z]+=", text) == []
    assert headers["Cache-Control"] == "no-store"
    assert "rome: not yet" in text
    assert "paris: 4 ms, seen gone" in text
    assert "9.4 s" in text
    assert "compare the token files" in text


GONE = PurgerPresence("vm", 7, "0.2", AT, AT, age=600.0, id="gone")
AWAY = EdgeState(name="rome", failure=EdgeProblem("unreachable", "10.0.0.1"), purger="gone", lag=3, waits=61.0)
SAFE = EdgeState(name="oslo", mode="fail-safe", lease_remaining=0.0, purger="gone")


@pytest.mark.parametrize(
    ("state", "texts"),
    [
        (FleetState(unusable="2013 lost"), ["Not certain: 1 problem", "The database cannot be used: 2013 lost"]),
        (
            FleetState(),
            ["No purger runs", "There is no enabled edge", "Nothing was banned yet", "No purger is present"],
        ),
        (
            FleetState(purgers=(GONE,), edges=(AWAY, SAFE), disabled=2),
            [
                "No purger is alive: pid 7 on vm signed last 10 min ago",
                "gone for 10 min",
                "3 batches, for 61 s",
                "unreachable: 10.0.0.1",
                "check its varnishd and the network",
                "0.0 s",
                "2 edges disabled",
            ],
        ),
    ],
)
def test_the_overview_names_what_is_wrong(state: FleetState, texts: list[str]) -> None:
    overview = Overview(AT, state, tuple(find_problems(state)))
    shown = render("overview_part", **_values(overview))
    assert [text for text in texts if text not in shown] == []


def test_an_overview_that_is_read_no_more_says_nothing_about_now() -> None:
    overview = Overview(AT, FleetState(edges=(EdgeState(name="paris", mode="trusted"),)), ())
    assert _values(overview)["verdict"][0] == "ok"
    assert _values(overview, is_old=True)["verdict"] == ("unknown", "Not known since 2026-11-25 01:02:03.")


def test_a_takedown_newer_than_the_state_of_the_edges_is_on_its_way() -> None:
    purger = PurgerPresence("vm", 7, "0.2", AT, AT, age=0.1, id="here")
    edge = EdgeState(name="paris", mode="trusted", acknowledged=7, purger="here")
    state = FleetState(edges=(edge,), purgers=(purger,), adopted="", server="")
    said = []
    for batch in (7, 8, None):
        takedown = Takedown(action="ban", at=AT, scope="image", subjects=("x",), batch=batch)
        said.append(_values(Overview(AT, state, (), LatestTakedowns((takedown,))))["verdict"][0])
    assert said == ["ok", "busy", "busy"]


@pytest.mark.parametrize("name", ["sign_in", "problem", "found"])
def test_templates_escape_what_visitors_send(name: str) -> None:
    values = {"visitor": None, "problem": HOSTILE, "text": HOSTILE, "to": HOSTILE, "name": HOSTILE, "title": HOSTILE}
    text = render(name, found=[], by_proxy=False, **values)
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_no_template_writes_a_value_as_it_is_but_charts_and_the_page_inside_its_frame() -> None:
    directory = Path(render.__code__.co_filename).parent / "templates"
    raw = {match for file in directory.glob("*.html") for match in re.findall(r"\{\{!(.+?)\}\}", file.read_text())}
    assert raw == {"base", "over_time", "histogram", "part"}


@pytest.mark.parametrize("path", ["/", "/part/overview", "/image/x", "/owner/x", "/search", "/ban/image/x", "/nowhere"])
def test_strangers_get_no_page(app: ConsoleApp, path: str) -> None:
    status, headers, text = Client(app).send("GET", path)
    assert status in (303, 401)
    assert "paris" not in text
    assert headers.get("Location", "/sign-in").startswith("/sign-in")


def test_a_made_up_cookie_is_nobodys(app: ConsoleApp) -> None:
    client = Client(app)
    for cookie in ("takedown_console_6190=x", "takedown_console_6190=", "takedown_console_6190", "\xff"):
        client.cookie = cookie
        assert client.send("GET", "/part/overview")[0] == 401


@pytest.mark.parametrize("action", ["ban", "lift", "purge"])
def test_the_role_look_moderates_nothing(app: ConsoleApp, action: str) -> None:
    wall, anna = Client(app, "wall"), Client(app, "anna")
    for client, status in ((wall, 403), (anna, 503)):
        assert client.send("GET", f"/{action}/image/x")[0] == status
        form = {"token": client.token(), "form": "1", "reason": "r"}
        got, _, text = client.send("POST", f"/{action}/image/x", form)
        # Anna's request comes as far as the database.
        assert got == (403 if client is wall else 503), text


def test_the_cookies_of_other_programs_do_not_matter(app: ConsoleApp) -> None:
    anna = Client(app, "anna")
    anna.cookie = f'other=a b,c"; takedown_console=x; @=; {anna.cookie}; last'
    assert anna.send("GET", "/")[0] == 200


def test_a_form_needs_the_token_of_its_own_session(app: ConsoleApp) -> None:
    anna, other = Client(app, "anna"), Client(app, "anna")
    for token in (other.token(), "", "x"):
        status, _, text = anna.send("POST", "/ban/image/x", {"token": token, "form": "1", "reason": "r"})
        assert (status, "another session" in text) == (403, True)
    assert anna.send("POST", "/ban/image/x", {"form": "1", "reason": "r"})[0] == 403
    assert anna.send("POST", "/sign-out", {"token": other.token()})[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
    ],
)
def test_a_form_of_another_page_is_refused(app: ConsoleApp, headers: dict[str, str]) -> None:
    anna = Client(app, "anna")
    form = {"token": anna.token(), "form": "1", "reason": "r"}
    assert anna.send("POST", "/ban/image/x", form)[0] == 503
    assert anna.send("POST", "/ban/image/x", form, **headers)[0] == 403
    assert anna.send("POST", "/sign-in", {"name": "anna", "password": PASSWORD}, **headers)[0] == 403


def test_other_hosts_methods_and_bodies_are_refused(app: ConsoleApp) -> None:
    anna = Client(app, "anna")
    assert anna.send("GET", "/", HTTP_HOST="evil.example")[0] == HTTPStatus.MISDIRECTED_REQUEST
    assert anna.send("PUT", "/")[0] == 405
    assert anna.send("GET", "/ban/image/a.b")[0] == 404
    assert anna.send("POST", "/ban/image/x", {}, CONTENT_TYPE="application/json")[0] == 415
    assert anna.send("POST", "/ban/image/x", {}, CONTENT_LENGTH="99999")[0] == 413
    assert anna.send("POST", "/ban/image/x", {}, CONTENT_LENGTH="-1")[0] == 413
    assert anna.send("HEAD", "/")[2] == ""


def test_a_ban_without_a_reason_asks_again(app: ConsoleApp) -> None:
    """The question needs the database, which nobody may use here; the ban itself would fail otherwise."""
    anna = Client(app, "anna")
    for reason in ("", "+", "x" * 256):
        status, _, text = anna.send("POST", "/ban/image/x", {"token": anna.token(), "form": "1", "reason": reason})
        assert (status, "reached the database" in text) == (503, True)


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "", "x", "/a\nb", "/\t/evil.example", "/a b"]
)
def test_nobody_is_led_elsewhere_after_signing_in(path: str) -> None:
    assert _own_path(path) == "/"


def test_the_way_back_after_signing_in_is_kept() -> None:
    assert _own_path("/image/x?from=12") == "/image/x?from=12"


@pytest.mark.parametrize(
    ("host", "ours"),
    [("127.0.0.1:6190", True), ("LOCALHOST:6190", True), ("127.0.0.1", False), ("evil.example", False), (None, False)],
)
def test_the_host_has_to_be_ours(host: str | None, ours: bool) -> None:
    assert host_is_ours(host, OURS) is ours


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"origin": "http://127.0.0.1:6190"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"origin": "http://127.0.0.1:6190", "sec-fetch-site": "same-origin"}, True),
        ({"origin": "http://127.0.0.1:6190", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://127.0.0.1:6191", "sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({}, False),
    ],
)
def test_a_form_says_where_it_comes_from(headers: dict[str, str], ours: bool) -> None:
    assert comes_from_us(headers, OURS) is ours


def test_pictures_make_room_and_are_pictures() -> None:
    pictures = Pictures(most=10)
    pictures.keep("a", Picture("image/png", b"x" * 6))
    pictures.keep("b", Picture("image/png", b"x" * 6))
    assert (pictures.find("a"), pictures.find("b") is None) == (None, False)
    body = Body()
    body.take(b"abc")
    assert body.picture({"content-type": "image/PNG; x=y"}) == Picture("image/png", b"abc")
    assert body.picture({"content-type": "text/html"}) is None
    assert body.picture({"content-type": "image/png", "content-encoding": "br"}) is None
    body.take(b"x" * LARGEST_PICTURE)
    assert body.picture({"content-type": "image/png"}) is None
    assert body.size == LARGEST_PICTURE + 3


def test_charts_tell_late_takedowns_apart() -> None:
    latencies = [Latency(AT, 0.004), Latency(AT + timedelta(minutes=5), 0.5), Latency(AT + timedelta(minutes=9), 3.0)]
    assert charts.summary(latencies) == "median 500 ms, 99 % 3.0 s, slowest 3.0 s, of 3; 1 later than 1 s"
    for chart in (charts.over_time(latencies), charts.histogram(latencies)):
        assert len(re.findall(r'class="(?:dot|bar) late"', chart)) == 1
        assert len(re.findall(r'class="(?:dot|bar)"', chart)) == 2
        assert 'role="img" aria-label="' in chart
    assert charts.summary([]) == "no takedown yet"
    assert "<circle" in charts.over_time(latencies[:1])
    assert charts.quantile(latencies, 0.5) == 0.5


def test_a_bulk_counts_as_waiting_until_its_last_edge() -> None:
    done, waits = AtEdge(edge="paris", acknowledged=0.1), AtEdge(edge="rome")
    takedown = Takedown(action="ban", at=AT, scope="image", subjects=("a", "b"), number=2, edges=(done, waits))
    assert (takedown.waiting, takedown.slowest) == (1, None)
    takedown = Takedown(action="ban", at=AT, scope="image", subjects=("a",), edges=(done,))
    assert (takedown.waiting, takedown.slowest) == (0, 0.1)


def test_a_thread_rests_for_longer_than_it_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    rests, computed = list[float](), iter((1.0, 1.002, 2.0, 3.0))
    monkeypatch.setattr("purger.console.listener.time.thread_time", lambda: next(computed))
    monkeypatch.setattr("purger.console.listener.time.sleep", rests.append)
    app = listener.paced(lambda _environ, _start: (b"x",))
    assert [app({}, None), app({}, None)] == [(b"x",), (b"x",)]
    assert rests == [pytest.approx(0.038), 0.5]


def test_hashing_passwords_costs_what_it_should() -> None:
    assert hash_password("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")

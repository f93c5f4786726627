"""Use the console of a running purger by HTTP: look, search, ban, lift, purge again, and be refused."""

import re
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from stack.console import Console
from stack.processes.ports import free_port
from stack.processes.waiting import PATIENCE, wait_until
from stack.purger import Purger
from takedown_base.name_codes import code_of_name
from tests.support.sites.console_site import Person, console_of, run_stack
from tests.support.sites.site_actions import Site

stack = pytest.fixture(scope="module")(run_stack)
console = pytest.fixture(scope="module")(console_of)


@pytest.fixture(scope="module")
def anna(console: Console) -> Person:
    return Person(console, "anna")


@pytest.fixture(scope="module")
def wall(console: Console) -> Person:
    return Person(console, "wall")


def wait_shown(person: Person, path: str, *texts: str) -> str:
    """Wait until a page has these texts. Returns the page."""

    def shown() -> str | None:
        text = person.get(path).text
        return text if all(each in text for each in texts) else None

    return wait_until(shown, f"{texts} on {path}")


def wait_badges(person: Person, path: str, **numbers: int) -> str:
    """Wait until a page shows the answers of edges in these numbers: one that comes late is ``unreachable``."""

    def shown() -> str | None:
        text = person.get(path).text
        return text if all(text.count(f"badge {state}") == number for state, number in numbers.items()) else None

    return wait_until(shown, f"{numbers} on {path}")


def test_the_overview_shows_edges_purgers_and_takedowns(site: Site, anna: Person) -> None:
    wait_shown(anna, "/", "Yes. 2 edges acknowledged everything", "edge1", "edge2", "trusted", "pid ")
    code = site.new_image()
    site.ban(code)
    page = wait_shown(anna, "/part/overview", f'href="/image/{code}"', "seen gone")
    assert "<svg" in page
    assert "<html" not in page, "a part has no frame"


def test_a_moderator_bans_and_lifts_and_the_record_names_her(site: Site, anna: Person) -> None:
    code = site.new_image()
    copy = site.new_copy(code)
    page = anna.get(f"/ban/image/{code}")
    assert f"Hides the image {code}, with all renditions, at 2 enabled edges." in page.text
    assert "1 other image shows the same bytes" in page.text
    assert site.get(code).status_code == 200, "asking does nothing"
    answer = anna.fill(f"/ban/image/{code}", reason="court <b>order</b> 17")
    assert "court &lt;b&gt;order&lt;/b&gt; 17" in answer.text
    assert "<b>order" not in answer.text
    assert f"on image {code} is written." in answer.text
    for edge in site.stack.edges:
        site.wait_gone(code, edge)
    wait_shown(anna, f"/part/image/{code}", "gone (410)")
    assert "<b>order" not in wait_shown(anna, "/part/overview", "&lt;b&gt;order")
    assert log_entry(site, code, "ban") == "anna|court <b>order</b> 17|1"
    assert site.get(copy).status_code == 200

    assert "can be seen again" in anna.get(f"/lift/image/{code}").text
    anna.fill(f"/lift/image/{code}", reason="withdrawn")
    site.wait_served(code)
    assert log_entry(site, code, "lift") == "anna|court <b>order</b> 17|1|anna|withdrawn"
    shown = wait_shown(anna, f"/part/image/{code}", "lifted</span>: withdrawn", "anna, account takedown_moderation@")
    receipts = shown.partition("Bans that are over")[2].partition("History")[0]
    assert "lifted by anna: withdrawn" in receipts
    assert receipts.count("gone (410)") == 2, "the receipts of a ban stay after its lift"


def test_a_form_is_carried_out_once(site: Site, anna: Person) -> None:
    code = site.new_image()
    fields = anna.hidden_fields(f"/ban/image/{code}")
    # A lock on the table holds the first click up until the second is there, as a slow database does.
    with site.admin.cursor() as cursor, ThreadPoolExecutor(4) as clicks:
        cursor.execute("LOCK TABLES bans READ")
        answers = [clicks.submit(anna.post, f"/ban/image/{code}", **fields, reason="twice") for _ in range(4)]
        waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'"
        wait_until(lambda: site.number(waiting) > 0, "a click at the lock")
        with suppress(TimeoutError):
            wait_until(lambda: site.number(waiting) > 1, "a second one, which must not come", 0.5)
        cursor.execute("UNLOCK TABLES")
    assert {each.result().status_code for each in answers} == {200}
    assert all("is written" in each.result().text for each in answers)
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE subject = '{code}'") == 1


def checked_fields(anna: Person, action: str, *lines: str) -> tuple[str, dict[str, str]]:
    """Let the console say what a list would do. Returns the page's text, and the fields that carry it out."""
    token = anna.get("/list").text.partition('name="token" value="')[2].partition('"')[0]
    answer = anna.post("/list", token=token, action=action, reason="report 9", lines="\r\n".join(lines))
    assert answer.status_code == 200, answer.text
    form = re.search(r'<form class="confirm" method="post" action="/list/carry-out">.*?</form>', answer.text, re.DOTALL)
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]) if form else []
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text))), dict(fields)


def test_a_list_is_read_first_and_then_banned_and_lifted_once(site: Site, anna: Person) -> None:
    owner = site.new_owner()
    first, second, owned = site.new_image(), site.new_image(), site.new_image(owner)
    bans = f"SELECT COUNT(*) FROM bans WHERE subject IN ('{first}', '{second}', '{owner}')"
    url = f"https://img.example/images/{second}/thumb"
    lines = (first, "# a comment", url, f"owner:{owner}", first, "no such name.jpg", "nobody-has-this")
    text, fields = checked_fields(anna, "ban", *lines)
    assert "Bans 3 subjects, which hides 3 images at 2 enabled edges. Nothing is changed yet." in text
    assert f"3 {url} image {second} will be banned" in text
    assert f"5 {first} image {first} the same as line 1" in text
    assert re.search("6 no such name.jpg .no such name.jpg. is not a code", text), text
    assert "7 nobody-has-this image nobody-has-this no image has the code nobody-has-this" in text
    assert f"{first} # a comment {url} owner:{owner}" in text, "the field keeps the lines"
    assert (site.number(bans), site.get(first).status_code) == (0, 200), "it changes nothing"

    for _ in range(2):
        answer = anna.post("/list/carry-out", **fields)
        assert (answer.status_code, "Banned 3 subjects." in answer.text) == (200, True), answer.text
    for code in (first, second, owned):
        site.wait_gone(code)
    assert site.number(bans) == 3
    assert log_entry(site, first, "ban") == "anna|report 9|1"
    text, fields = checked_fields(anna, "ban", first)
    assert (fields, "banned already" in text) == ({}, True)

    anna.fill(f"/ban/image/{owned}", reason="also")
    _, fields = checked_fields(anna, "lift", owned)
    said = "Lifted the bans on 1 subject; 1 image still hidden by a ban of the owner or the bytes."
    assert said in anna.post("/list/carry-out", **fields).text
    text, fields = checked_fields(anna, "lift", first, f"owner:{owner}")
    assert "Lifts the bans on 2 subjects" in text
    assert "Lifted the bans on 2 subjects." in anna.post("/list/carry-out", **fields).text
    for code in (first, owned):
        site.wait_served(code)
    assert site.get(second).status_code == 410


def test_a_list_that_is_too_long_or_of_someone_without_the_right_is_refused(
    site: Site, anna: Person, wall: Person
) -> None:
    code = site.new_image()
    form = {"action": "ban", "reason": "x", "form": "1"}

    def refused(person: Person, path: str, lines: str) -> requests.Response:
        token = person.get("/").text.partition('name="token" value="')[2].partition('"')[0]
        return person.post(path, token=token, lines=lines, subjects=lines, **form)

    for path in ("/list", "/list/carry-out"):
        answer = refused(anna, path, "\n".join([code] * 501))
        assert (answer.status_code, "at most 500 lines" in answer.text) == (400, True)
        assert refused(wall, path, code).status_code == 403
    assert refused(anna, "/list", " \n# only a comment").status_code == 400
    assert refused(anna, "/list/carry-out", "a/b").status_code == 400
    assert wall.get("/list").status_code == 403
    assert 'href="/list"' not in wall.get("/").text
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE subject = '{code}'") == 0


def test_owners_and_bytes_are_banned_with_their_numbers_said_first(site: Site, anna: Person) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    copy, digest = site.new_copy(code), site.digest_of(code)
    assert "Hides 1 image of the owner" in anna.get(f"/ban/owner/{owner}").text
    assert "Hides 2 images with these bytes" in anna.get(f"/ban/digest/{digest}").text
    anna.fill(f"/ban/digest/{digest}", reason="copies")
    for each in (code, copy):
        site.wait_gone(each)
    anna.fill(f"/ban/image/{code}", reason="also")
    page = anna.get(f"/lift/image/{code}").text
    assert "It stays hidden by ban" in page
    assert f"on digest {digest}" in page


def test_a_bulk_is_one_line_with_its_number(site: Site, anna: Person) -> None:
    rows = ", ".join(f"('image', 'console-bulk-{number}', 'bulk')" for number in range(60))
    site.execute(f"INSERT INTO bans (scope, subject, reason) VALUES {rows}")
    wait_shown(anna, "/part/overview", "60 images together", "console-bulk-")


def test_a_few_images_together_are_seen_gone_once_all_of_them_are(site: Site, anna: Person) -> None:
    codes = [site.new_image() for _ in range(3)]
    rows = ", ".join(f"('image', '{code}', 'a few together')" for code in codes)
    site.execute(f"INSERT INTO bans (scope, subject, reason) VALUES {rows}")

    def chips() -> list[str]:
        return re.findall(r'class="chip (.*?)</span>', anna.get("/takedowns?reason=a+few+together").text)

    wait_until(lambda: ["seen gone" in each for each in chips()] == [True, True], "all of them, at both edges")
    last = "subject = 'CODE' AND cause = 'ban'".replace("CODE", codes[-1])
    one = f"edge = '{site.stack.edges[1].edge_name}' AND invalidation = (SELECT id FROM invalidations WHERE {last})"
    site.execute(f"UPDATE sightings SET gone = 0 WHERE {one}")
    assert [chip.partition('"')[0] for chip in chips()] == ["good", "bad"], "one that is still shown"
    assert "STILL SHOWN" in chips()[1]
    site.execute(f"DELETE FROM sightings WHERE {one}")
    assert ["seen gone" in chip for chip in chips()] == [True, False], "one that was not probed"


def test_an_edge_that_gives_no_answer_has_its_cure_beside_it(site: Site, anna: Person) -> None:
    code, edge = site.new_image(), site.stack.edges[1]
    edge.pause()
    try:
        wait_shown(anna, "/part/overview", "Not certain", "no answer", "check its load and the network")
        wait_badges(anna, f"/part/views/{code}", shown=2, unreachable=2)
        site.ban(code)
        # The lease is 60 s here, and so is not over yet.
        wait_shown(anna, f"/part/image/{code}", f"on its way: {edge.edge_name} stops trusting its cache at ")
        wait_shown(anna, "/part/overview", "stops trusting its cache at ", "at the latest")
    finally:
        edge.resume()
    wait_shown(anna, "/part/overview", "Yes. 2 edges acknowledged everything")


def test_an_edge_that_was_disabled_counts_until_it_trusts_its_cache_no_more(site: Site, anna: Person) -> None:
    code, edge = site.new_image(), site.stack.edges[1]
    site.wait_hit(code, edge)
    disabled = site.stack.purger.run("edge", "disable", edge.edge_name)
    try:
        # The lease is 60 s here, and so is not over yet.
        assert f"disabled edge {edge.edge_name}: it stops trusting its cache at " in disabled.stdout
        unfollowed = f"edge {edge.edge_name} is no longer followed"
        wait_until(lambda: unfollowed in site.stack.purger.log_text(), "no purger follows it")
        site.ban(code)
        site.wait_gone(code)
        wait_shown(anna, f"/part/image/{code}", f"on its way: {edge.edge_name} stops trusting its cache at ")
        assert site.get(code, edge).status_code == 200, "it shows the image"
        receipts = site.stack.purger.run("receipts", code)
        assert (receipts.returncode, f"not proven at {edge.edge_name}" in receipts.stdout) == (3, True), receipts.stdout
        assert "disabled; stops trusting its cache at " in receipts.stdout
        wait_shown(
            anna, "/part/overview", "Not certain", f"Edge {edge.edge_name} was disabled and has not acknowledged"
        )
    finally:
        site.stack.purger.run("edge", "enable", edge.edge_name)
    wait_shown(anna, f"/part/image/{code}", "Banned, and gone everywhere")


def test_purging_again_bans_nothing(site: Site, anna: Person) -> None:
    code = site.new_image(code="Mixed-Case")
    assert "It bans and lifts nothing" in anna.get(f"/purge/image/{code}").text
    assert f"Image {code} is purged again." in anna.fill(f"/purge/image/{code}").text
    wait_until(lambda: not site.is_hit(code), f"{code} out of the cache")
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE subject = '{code}'") == 0
    wait_shown(anna, f"/part/image/{code}", "purged again")


def test_each_edge_is_shown_as_its_public_listener_answers(site: Site, anna: Person) -> None:
    code = site.new_image()
    page = wait_badges(anna, f"/image/{code}", shown=4)
    assert page.count('class="picture blurred"') == 4, "two renditions at two edges"
    picture = page.partition('src="/picture/')[2].partition('"')[0]
    assert picture == site.digest_of(code)
    answer = anna.get(f"/picture/{picture}")
    assert (answer.headers["Content-Type"], answer.content) == ("image/png", site.get(code).content)
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    site.ban(code)
    for edge in site.stack.edges:
        site.wait_gone(code, edge)
    assert "badge shown" not in wait_shown(anna, f"/part/views/{code}", "badge gone")
    assert requests.get(f"{anna.url}/picture/{picture}", timeout=PATIENCE).status_code == 200  # the page to sign in
    assert (
        requests.get(f"{anna.url}/picture/{picture}", timeout=PATIENCE).headers["Content-Type"].startswith("text/html")
    )


def test_the_search_finds_codes_urls_owners_and_digests(site: Site, anna: Person) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    digest = site.digest_of(code)
    for text, path in (
        (code, f"/image/{code}"),
        (f" https://img.example/images/{code}/thumb?x ", f"/image/{code}"),
        (owner, f"/owner/{owner}"),
        (digest.upper(), f"/digest/{digest}"),
        (f"owner:{owner}", f"/owner/{owner}"),
    ):
        answer = anna.get(f"/search?q={quote(text)}")
        assert (answer.status_code, answer.url.removeprefix(anna.url)) == (200, path)
        assert code in answer.text
    assert anna.get("/search?q=nobody-has-this").status_code == 404
    assert anna.get("/search?q=no%20code%3Cscript%3E").status_code == 400
    assert "<script>" not in anna.get("/search?q=no%20code%3Cscript%3E").text.replace("<script src=", "")


def test_a_code_is_shown_with_the_name_that_it_means_and_is_found_by_it(site: Site, anna: Person) -> None:
    name = "pictures/Müller & Söhne.jpg"
    code = code_of_name(name)
    site.execute("INSERT INTO images (code, owner) VALUES (%s, 'named')", code)
    site.ban(code)
    answer = anna.get(f"/search?q={quote(name)}")
    assert answer.url == f"{anna.url}/image/{code}"
    assert "pictures/Müller &amp; Söhne.jpg</span></h1>" in answer.text
    assert f'<dd class="key">{code}</dd>' in answer.text
    assert f"ban 1 on image {code} (&#x27;{escape(name)}&#x27;)" in re.sub(r"ban \d+ on", "ban 1 on", answer.text)
    wait_shown(anna, "/part/overview", f'title="{code}">pictures/Müller &amp; Söhne.jpg</a>')
    assert f'Ban image <span class="key">{escape(name)}</span>?' in anna.get(f"/ban/image/{code}").text


def test_the_history_goes_back_and_is_filtered(site: Site, anna: Person) -> None:
    rows = ", ".join(f"('image', 'history-{number}', 'report {number}', 'clerk')" for number in range(60))
    site.execute(f"INSERT INTO bans (scope, subject, reason, banned_by) VALUES {rows}")
    site.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3), lifted_by = 'judge' WHERE subject = 'history-7'")

    def found(query: str) -> list[int]:
        return [int(each) for each in re.findall(r">history-(\d+)</a>", anna.get(f"/takedowns?{query}").text)]

    assert found("person=clerk") == list(range(59, 9, -1))
    shown = wait_shown(anna, "/takedowns?person=clerk", "edge1: ", "edge2: ")
    assert not re.search(r"\d edges", shown), "bans of one batch have the edges of that batch once"
    older = re.search(r'href="(/takedowns\?[^"]+before=\d+)"', anna.get("/takedowns?person=clerk").text)
    assert older is not None
    assert found(unescape(older[1]).partition("?")[2]) == list(range(9, -1, -1))
    assert found("person=judge") == [7]
    assert found("reason=port+5&person=clerk") == [*range(59, 49, -1), 5]
    assert found("reason=report+%25") == [], "a percent sign is one"
    today = datetime.now(UTC).date()
    assert len(found(f"day={today}")) == 50
    assert found(f"day={today - timedelta(days=1)}") == []
    assert "Nothing was found." in anna.get(f"/takedowns?day={today + timedelta(days=1)}").text
    for hostile in ("day=9999-12-31", "day=x", "before=99999999999999999999999", "before=x", "person=%3Cscript%3E"):
        answer = anna.get(f"/takedowns?{hostile}")
        assert (answer.status_code, "<script>" in answer.text) == (200, False), hostile


def test_someone_who_may_only_look_changes_nothing(site: Site, anna: Person, wall: Person) -> None:
    code = site.new_image()
    assert f"/ban/image/{code}" in anna.get(f"/image/{code}").text
    assert f"/ban/image/{code}" not in wall.get(f"/image/{code}").text
    token = wall.get("/").text.partition('name="token" value="')[2].partition('"')[0]
    for action in ("ban", "lift", "purge"):
        assert wall.get(f"/{action}/image/{code}").status_code == 403
        answer = wall.post(f"/{action}/image/{code}", token=token, form="1", reason="x")
        assert (answer.status_code, "may see everything, but not moderate" in answer.text) == (403, True)
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE subject = '{code}'") == 0


def test_a_form_of_another_site_is_refused(site: Site, anna: Person) -> None:
    code = site.new_image()
    path, fields = f"/ban/image/{code}", anna.hidden_fields(f"/ban/image/{code}") | {"reason": "x"}
    assert anna.post(path, origin="https://evil.example", **fields).status_code == 403
    assert anna.post(path, origin="null", **fields).status_code == 403
    assert anna.post(path, origin=None, **fields).status_code == 403
    assert anna.post(path, **fields | {"token": "x" * 43}).status_code == 403
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE subject = '{code}'") == 0


def test_strangers_get_the_page_to_sign_in_alone(anna: Person, console: Console) -> None:
    for path in ("/", "/part/overview", "/image/x", "/search?q=x", "/ban/image/x"):
        answer = requests.get(anna.url + path, timeout=PATIENCE)
        assert "Password" in answer.text
        assert "edge1" not in answer.text
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
    assert requests.get(f"{anna.url}/part/overview", timeout=PATIENCE).status_code == 401
    assert requests.get(anna.url, headers={"Host": "evil.example"}, timeout=PATIENCE).status_code == 421
    assert requests.request("PURGE", anna.url, timeout=PATIENCE).status_code == 405
    answer = requests.post(
        f"{anna.url}/sign-in", {"name": "anna", "password": "wrong"}, headers={"Origin": anna.url}, timeout=PATIENCE
    )
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
    outside = {"name": "anna", "password": console.password, "to": "//evil.example/"}
    answer = requests.post(
        f"{anna.url}/sign-in", outside, headers={"Origin": anna.url}, allow_redirects=False, timeout=PATIENCE
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "HttpOnly; SameSite=Strict" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "head",
    [
        b"GET http://[::1 HTTP/1.1\r\nHost: x",
        b"GET / HTTP/1.1\r\n folded: x\r\nHost: x",
        b"GET / HTTP/1.1\r\nHost : x",
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_malformed_head_is_refused_and_is_no_error_of_the_purger(site: Site, console: Console, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", console.port), PATIENCE) as connection:
        connection.sendall(head + b"\r\n\r\nx")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert "Traceback" not in site.stack.purger.log_text()


def test_slow_senders_hold_no_thread(anna: Person, console: Console) -> None:
    with ExitStack() as opened:
        slow = [
            opened.enter_context(socket.create_connection(("127.0.0.1", console.port), PATIENCE)) for _ in range(12)
        ]
        for number, connection in enumerate(slow):
            length = b"Content-Length: 99\r\n\r\n" if number % 2 else b""
            connection.sendall(b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n" + length)
        waiting = set(slow)
        while waiting:
            for connection in list(waiting):
                try:
                    connection.sendall(b"X")
                    if select.select([connection], [], [], 0)[0]:
                        waiting.remove(connection)
                except ConnectionError:
                    waiting.remove(connection)
            assert anna.get("/part/overview").elapsed.total_seconds() < 3, "a thread is free, whatever they send"
            time.sleep(0.2)


def test_whoever_tries_passwords_keeps_no_moderator_out(console: Console) -> None:
    known = Person(console, "anna")

    def wrong(name: str) -> int:
        form = {"name": name, "password": "wrong"}
        return requests.post(
            f"{console.url}/sign-in", form, headers={"Origin": console.url}, timeout=PATIENCE
        ).status_code

    while (status := wrong("anna")) != 429:
        assert status == 403
    answer = known.post("/sign-in", name="anna", password=console.password)
    assert (answer.status_code, "Sign out" in answer.text) == (200, True), "her browser is known"
    wait_until(lambda: wrong("anna") == 403, "a further try, a second later")
    assert Person(console, "wall").get("/").status_code == 200


def test_signing_out_ends_the_session(console: Console) -> None:
    person = Person(console, "anna")
    token = person.get("/").text.partition('name="token" value="')[2].partition('"')[0]
    assert "Password" in person.post("/sign-out", token=token).text
    assert "Password" in person.get("/").text


def test_a_purger_whose_console_finds_its_port_taken_delivers_all_the_same(
    site: Site, console: Console, tmp_path: Path
) -> None:
    purger = site.stack.purger
    rival = Purger(tmp_path / "rival", site.stack.database, options=console.options)
    code = site.new_image()
    with ExitStack() as afterwards, rival:
        wait_until(lambda: "the console cannot listen on" in rival.log_text(), "its complaint")
        purger.stop()
        # Once the rival has ended: it tries for the port again every five seconds.
        afterwards.callback(purger.start)
        site.ban(code)
        for edge in site.stack.edges:
            site.wait_gone(code, edge)


def test_a_first_console_needs_no_file_of_users(site: Site, tmp_path: Path) -> None:
    port = free_port()
    with Purger(tmp_path / "first", site.stack.database, options={"PURGER_CONSOLE": f"127.0.0.1:{port}"}) as purger:
        said = re.search(r"sign in as (\S+) with the password (\S+) ", purger.log_text())
        assert said is not None, purger.log_text()
        first = Console(tmp_path, port)
        first.password = said[2]
        wait_until(lambda: "console on" in purger.log_text(), "the console")
        assert "Is it gone everywhere?" in Person(first, said[1]).get("/").text


def log_entry(site: Site, code: str, action: str) -> str:
    """Read the person, the reason, and whether the account is moderation's, of the one entry of an action."""
    query = """SELECT CONCAT_WS('|', banned_by, reason, account LIKE 'takedown_moderation@%', lifted_by, lift_reason)
        FROM moderation_log"""
    with site.admin.cursor() as cursor:
        cursor.execute(f"{query} WHERE subject = '{code}' AND action = '{action}'")
        ((text,),) = cursor.fetchall()
    return str(text)

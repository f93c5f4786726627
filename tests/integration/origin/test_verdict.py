"""Ask the origin for the verdict on URLs of a site's own server, over a real database."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from stack.processes.commands import command, run_apart
from stack.processes.waiting import PATIENCE, wait_until
from takedown_base.name_codes import code_of_name
from tests.support.ask_again import ask_again
from tests.support.sites.origin_site import OriginSite

RULES = r"""[[rule]]
match = '^/images/(?:thumb/)?[^/]/[^/][^/]/(?P<name>[^/]+)'
[[rule]]
match = '^/by-code/(?P<name>[^/.]+)\.png$'
[[rule]]
match = '^/media/(?P<file>[^/]+)$'
query = "SELECT image_id FROM gallery.renditions WHERE file = %(file)s"
name = "picture {image_id}"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginSite]:
    directory = tmp_path_factory.mktemp("verdict")
    (directory / "rules.toml").write_text(RULES)
    with OriginSite(directory, ORIGIN_WORKERS="1", ORIGIN_RULES=str(directory / "rules.toml")) as running:
        running.execute("CREATE DATABASE gallery CHARACTER SET utf8mb4")
        running.execute("CREATE TABLE gallery.renditions (file VARCHAR(100) NOT NULL, image_id INT, KEY (file))")
        running.execute("GRANT SELECT (file, image_id) ON gallery.renditions TO takedown_origin")
        yield running


def verdict(site: OriginSite, url: str, host: str = "www.example.org") -> requests.Response:
    def ask() -> requests.Response:
        fields = {"Takedown-URL": url, "Takedown-Host": host}
        return requests.get(f"{site.origin.url}/verdict", headers=fields, timeout=PATIENCE)

    return ask_again(ask, url)


def ban(site: OriginSite, scope: str, subject: str) -> None:
    site.execute("INSERT INTO bans (scope, subject) VALUES (%s, %s)", scope, subject)


def test_a_url_that_nobody_imported_may_be_shown_until_its_image_is_banned(site: OriginSite) -> None:
    urls = ["/images/a/ab/New%20one.jpg", "/images/thumb/a/ab/New%20one.jpg/120px-New%20one.jpg?x=1"]
    code = code_of_name("New one.jpg")
    for url in urls:
        shown = verdict(site, url)
        assert (shown.status_code, shown.content) == (204, b"")
        assert "Content-Length" not in shown.headers
        assert shown.headers["Takedown-Image"] == code
        assert shown.headers["Takedown-Digest"] == "none"
        assert shown.headers["Takedown-Seen"] == str(site.last_batch())
        assert shown.headers["Takedown-Changed"] == "0"
        assert shown.headers["Cache-Control"] == "public, no-cache"
        assert shown.headers["CDN-Cache-Control"] == "max-age=86400", "no date will come for which to ask again"
        assert "Last-Modified" not in shown.headers
        assert "Takedown-Dated" not in shown.headers
    ban(site, "image", code)
    for url in urls:
        banned = verdict(site, url)
        assert banned.status_code == 410
        assert banned.headers["Takedown-State"] == "banned"
        assert banned.headers["Takedown-Image"] == code
        assert banned.headers["Takedown-Changed"] == "pending"
    site.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP() WHERE subject = %s", code)
    lifted = verdict(site, urls[0])
    assert (lifted.status_code, lifted.headers["Takedown-Dated"]) == (204, "no")
    assert lifted.headers["CDN-Cache-Control"] == "max-age=2"


@pytest.mark.parametrize("scope", ["owner", "digest"])
def test_a_ban_of_owner_or_content_takes_an_image_that_is_known_by_its_row(site: OriginSite, scope: str) -> None:
    owner = f"owner-of-{scope}"
    code = site.new_image(owner=owner)
    shown = verdict(site, f"/by-code/{code}.png")
    digest = site.digest_of(code)
    assert shown.status_code == 204
    assert (shown.headers["Takedown-Owner"], shown.headers["Takedown-Digest"]) == (owner, digest)
    assert shown.headers["Last-Modified"] == site.request(code).headers["Last-Modified"]
    ban(site, scope, owner if scope == "owner" else digest)
    assert verdict(site, f"/by-code/{code}.png").status_code == 410


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("/", "none"),
        ("/wiki/Main_Page", "none"),
        ("", "unreadable"),
        ("/images/a//ab/x.jpg", "unreadable"),
        ("/images/a/ab/%2e%2e/x.jpg", "unreadable"),
        ("/images/a/ab/x%00.jpg", "unreadable"),
        ("/images/a/ab/x%ff.jpg", "unreadable"),
    ],
)
def test_a_url_that_no_rule_reads_is_404_with_the_reason(site: OriginSite, url: str, rule: str) -> None:
    answer = verdict(site, url)
    assert (answer.status_code, answer.headers["Takedown-Rule"]) == (404, rule)
    assert answer.headers["CDN-Cache-Control"] == "max-age=60"
    assert "Takedown-Image" not in answer.headers


def test_a_query_finds_the_image_of_a_url_as_soon_as_its_row_is_there(site: OriginSite) -> None:
    hostile = quote("x' OR '1'='1 \\")
    for url in ("/media/gr%C3%BCn.width-20.jpg", f"/media/{hostile.replace('%5C', '')}"):
        unknown = verdict(site, url)
        assert (unknown.status_code, unknown.headers["Takedown-Rule"]) == (404, "unreadable")
        assert unknown.headers["CDN-Cache-Control"] == "max-age=2"
    site.execute("INSERT INTO gallery.renditions VALUES ('grün.width-20.jpg', 7), ('grün.jpg', 7), ('none.jpg', NULL)")
    code = code_of_name("picture 7")
    for url in ("/media/gr%C3%BCn.width-20.jpg", "/media/gr%C3%BCn.jpg?x=1"):
        shown = verdict(site, url)
        assert (shown.status_code, shown.headers["Takedown-Image"]) == (204, code)
    ban(site, "image", code)
    assert verdict(site, "/media/gr%C3%BCn.jpg").status_code == 410
    assert verdict(site, "/media/none.jpg").status_code == 404
    site.execute("INSERT INTO gallery.renditions VALUES ('two.jpg', 8), ('two.jpg', 9)")
    assert verdict(site, "/media/two.jpg").status_code == 404


def test_a_query_that_the_database_refuses_is_503(site: OriginSite) -> None:
    site.execute("INSERT INTO gallery.renditions VALUES ('right.jpg', 11)")
    assert verdict(site, "/media/right.jpg").status_code == 204
    site.execute("REVOKE SELECT (file, image_id) ON gallery.renditions FROM takedown_origin")
    try:
        fields = {"Takedown-URL": "/media/right.jpg", "Takedown-Host": "h"}
        wait_until(
            lambda: requests.get(f"{site.origin.url}/verdict", headers=fields, timeout=PATIENCE).status_code == 503,
            "503 without the right",
        )
        log_text = site.origin.log_text()
        assert "grant that SELECT on the columns" in log_text
        # It is said once, and other URLs are answered.
        for _ in range(3):
            assert verdict(site, "/by-code/x.png").status_code == 204
            assert requests.get(f"{site.origin.url}/verdict", headers=fields, timeout=PATIENCE).status_code == 503
        log_text = site.origin.log_text()
        assert log_text.count("the query of a rule is refused: ") == 1
        assert "the database is unavailable" not in log_text
        assert "the database answers again" not in log_text
    finally:
        site.execute("GRANT SELECT (file, image_id) ON gallery.renditions TO takedown_origin")
    assert verdict(site, "/media/right.jpg").status_code == 204


def test_the_command_rules_asks_the_database_too(site: OriginSite) -> None:
    site.execute("INSERT INTO gallery.renditions VALUES ('tried.jpg', 12)")
    rules = str(site.directory / "rules.toml")
    asked = [command("origin"), "rules", "--rules", rules, "/media/tried.jpg"]
    shown = run_apart(asked, {"ORIGIN_DATABASE_URL": site.database.url("origin")})
    assert (shown.returncode, "rule 3, name picture 12" in shown.stdout) == (0, True), shown
    assert "name the database" in run_apart(asked, {}).stderr


def test_nothing_but_that_path_gives_a_verdict(site: OriginSite) -> None:
    for path in ("/verdict/", "/verdict%0A", "/Verdict", "/verdict/x"):
        fields = {"Takedown-URL": "/by-code/x.png", "Takedown-Host": "h"}
        answer = requests.get(site.origin.url + path, headers=fields, timeout=PATIENCE)
        assert (answer.status_code, answer.headers.get("Takedown-Image")) == (404, None)


def test_an_unavailable_database_is_503_and_no_verdict(site: OriginSite) -> None:
    site.database.stop()
    try:
        answer = requests.get(
            f"{site.origin.url}/verdict", headers={"Takedown-URL": "/by-code/x.png"}, timeout=PATIENCE
        )
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert "Takedown-Image" not in answer.headers
        assert verdict(site, "/wiki/Main_Page").status_code == 404, "what is no image needs no database"
    finally:
        site.database.start()


def test_an_origin_with_a_wrong_file_of_rules_does_not_start(site: OriginSite, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text("[[rule]]\nmatch = '^/('\n")
    serving = run_apart(
        [command("origin"), "serve", "--rules", str(tmp_path / "rules.toml"), "--listen", "127.0.0.1:0"],
        site.origin.envvars,
    )
    assert serving.returncode == 1
    assert "rule 1: match is no expression of RE2" in serving.stderr

"""Run all of docs/guide/existing-site.md, on such a site: its files, its table, its URLs, its server."""

import base64
import functools
import hashlib
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from stack.databases.database import Database
from stack.databases.program import chosen
from stack.edges.varnish import compiler_parameters, varnish_program
from stack.edges.vcl import replace_sub
from stack.object_store import ObjectStoreServer
from stack.processes.commands import user_name
from stack.processes.ports import free_port
from stack.processes.server import Server
from stack.processes.waiting import PATIENCE, wait_until
from stack.samples import draw
from tests.support.ask_again import ask_again
from tests.support.database.pictures_table import PICTURES_TABLE
from tests.support.pages.markdown_pages import ROOT, block, section
from tests.support.pages.pasted_page import PastedPage

DOCS = ROOT / "docs"
SUMMER, WINTER, FLAGGED = "12/34/Sommer am See.jpg", "12/34/Winter.png", "56/Höhle 100%.webp"
COPY, OTHER = "78/copy of the summer.jpg", "78/other.avif"
LONG = "78/" + "a name of many words " * 3 + ".gif"


class _Quiet(SimpleHTTPRequestHandler):
    """A server that gives each file of a directory, with any query, and logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


class ExistingSite:
    """A site that knows nothing of takedowns: files below a directory, a table, and a server of ``/media/...``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files = directory / "site/pictures"
        self.database = Database(directory / "database")
        self.ports = {name: free_port() for name in ("public", "purge", "origin", "second origin")}
        root = directory / "www"
        root.mkdir()
        (root / "media").symlink_to(self.files)
        (root / "page.html").write_text("a page")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(root)))
        self.bucket = ObjectStoreServer(directory / "bucket")
        self.home = directory / "home"
        self.moved = False
        self.running = ExitStack()

    def open(self) -> None:
        """Start database and server, and write the first pictures."""
        self.running.enter_context(self.database)
        self.running.enter_context(self.server)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.running.callback(self.server.shutdown)
        self.home.mkdir()
        (self.home / ".my.cnf").write_text(
            f"[client]\nsocket={self.database.socket}\nuser={user_name()}\nloose-skip-ssl\n[client-server]\n"
        )
        self.sql(PICTURES_TABLE)
        for path in (SUMMER, WINTER, FLAGGED, OTHER, LONG):
            self.add(path, flagged=path == FLAGGED)
        self.add(COPY, self.contents()[SUMMER])

    def sql(self, text: str, *options: str) -> str:
        """Run statements with the client, as the administrator unless ``options`` name another account."""
        client = [chosen().client()[0], f"--defaults-file={self.home}/.my.cnf", "--skip-column-names", *options]
        ran = subprocess.run(client, input=text, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def application(self, text: str) -> str:
        """Run statements as the site's own application does."""
        return self.sql(text, "--user=site", "--password=secret", "--default-character-set=utf8mb4", "site")

    def add(self, path: str, content: bytes | None = None, *, flagged: bool = False) -> None:
        """Upload a picture, a new one unless it is given, as the application does: a file, and a row."""
        upload = self.directory / "uploads" / path
        upload.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            draw(upload, path, hue=sum(path.encode()) % 100 / 100, size=(640, 480))
        else:
            upload.write_bytes(content)
        if self.moved:
            self.bucket.client("pictures").put(path, upload.read_bytes())
        else:
            (self.files / path).parent.mkdir(parents=True, exist_ok=True)
            (self.files / path).write_bytes(upload.read_bytes())
            (self.files / path).chmod(0o644)
        self.application(f"INSERT INTO pictures (file_path, user_id, flagged) VALUES ('{path}', 7, {int(flagged)})")

    def contents(self) -> dict[str, bytes]:
        """Return the content of each uploaded file by its path."""
        root = self.directory / "uploads"
        return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}

    def move_to_bucket(self) -> None:
        """Move all files into a bucket, and upload to it from now on."""
        self.running.enter_context(self.bucket)
        for file in [each for each in self.files.rglob("*") if each.is_file()]:
            self.bucket.client("pictures").put(str(file.relative_to(self.files)), file.read_bytes())
        shutil.rmtree(self.files)
        self.moved = True

    def ask(self, server: str, path: str) -> requests.Response:
        """Ask one of the servers for a path."""
        return _answer(f"http://127.0.0.1:{self.ports[server]}{path}")

    def get(self, path: str, query: str = "", **headers: str) -> requests.Response:
        """Ask for a picture as the site's pages do."""
        names = {name.replace("_", "-").title(): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.ports['public']}/media/{quote(path)}{query}"
        return _answer(url, **names)

    def wait(self, path: str, status: int) -> requests.Response:
        """Wait until the site's page gets this status for a picture."""

        def answer() -> requests.Response | None:
            found = self.get(path)
            return found if found.status_code == status else None

        return wait_until(answer, f"{status} for {path}")

    def wait_hit(self, path: str, query: str = "") -> None:
        wait_until(lambda: "; hit" in self.get(path, query).headers["Cache-Status"], f"{path} in the cache")

    def settle(self) -> None:
        """Wait until the edge has all changes and their rebounds: nothing leaves its cache by itself from then on."""
        waiting = """SELECT COUNT(*) FROM takedown.edges JOIN takedown.numbering
            WHERE instance IS NULL OR LEAST(acknowledged, rebounded) < last_batch
            OR EXISTS (SELECT 1 FROM takedown.invalidations WHERE batch IS NULL)"""
        wait_until(lambda: self.sql(waiting).strip() == "0", "all changes rebounded")

    def page(self) -> PastedPage:
        """Return the page with the addresses and paths of this machine."""
        etc = self.directory / "etc"
        varnishd = varnish_program("varnishd")
        quick = "".join(f" -p {shlex.quote(f'{name}={value}')}" for name, value in compiler_parameters().items())
        here = {
            "/srv/site/pictures": str(self.files),
            "/srv/takedown": str(self.directory / "store"),
            "/etc/takedown": str(etc / "takedown"),
            "/etc/varnish": str(etc / "varnish"),
            "/run/mysqld/mysqld.sock": str(self.database.socket),
            "mysql://root@": f"mysql://{user_name()}@",
            "127.0.0.1:8080": f"127.0.0.1:{self.server.server_port}",
            "127.0.0.1:6090": f"127.0.0.1:{self.ports['purge']}",
            "127.0.0.1:80/": f"127.0.0.1:{self.ports['public']}/",
            "127.0.0.1:80 ": f"127.0.0.1:{self.ports['public']} ",
            "public=:80 ": f"public=127.0.0.1:{self.ports['public']} ",
            # MySQL's own client, the names in Vinyl Cache, and a machine with less memory.
            "mariadb": chosen().client()[0],
            "varnishd -F": f"{varnishd} -F -j none -n {self.directory}/varnishd -p thread_pool_min=50{quick}",
            "default,4G": "default,64M",
            # The private store speaks http.
            "AWS_ENDPOINT=https://s3.example": f"AWS_ENDPOINT={self.bucket.endpoint}\nAWS_ALLOW_HTTP=true",
            "the-key": self.bucket.key,
            "the-secret": self.bucket.secret,
            "127.0.0.1:8002": f"127.0.0.1:{self.ports['second origin']}",
        }
        page = PastedPage(DOCS / "guide/existing-site.md", self.home, here, etc / "takedown/env")
        page.environment["ORIGIN_LISTEN"] = f"127.0.0.1:{self.ports['origin']}"
        return page


def _answer(url: str, **headers: str) -> requests.Response:
    """GET until the answer is no 503, which comes from a database or a store that is held up."""
    return ask_again(lambda: requests.get(url, headers=headers, timeout=PATIENCE), url)


def code_of(name: str) -> str:
    """Return the code of a name of at most 48 bytes that is no code."""
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExistingSite]:
    site = ExistingSite(tmp_path_factory.mktemp("existing"))
    with site.running:
        site.open()
        yield site


def test_the_page_from_its_first_command_to_its_last(site: ExistingSite) -> None:
    page = site.page()
    page.paste("purger migrate")
    page.paste("rules.toml")
    origin = site.running.enter_context(page.server("origin", site.directory, "origin serve", [site.ports["origin"]]))
    edge = start_the_edge(site, page, "edge")
    page.paste("purger edge add")
    site.running.enter_context(page.server("purger", site.directory, "purger run", []))
    page.paste("purger hook")
    wait_until(lambda: page.run("purger status || true").startswith("OK"), "status OK")

    pictures_pass_through(site)
    before = site.contents()
    flags_are_takedowns(site, page)
    every_copy_is_taken(site, page)

    origin.stop()
    page.paste("ORIGIN_IN_PLACE")
    import_all = page.take("origin import")
    page.run(import_all)
    origin = site.running.enter_context(page.server("origin", site.directory, "origin serve", [site.ports["origin"]]))
    edge.stop()
    start_the_edge(site, page, "edge of imports", edge)
    pictures_are_shown_without_a_copy(site)
    import_new = page.take("origin import")
    new_pictures_are_shown(site, lambda: page.run(import_new), "90")
    assert before == {path: (site.files / path).read_bytes() for path in before}, "a file was touched"

    site.move_to_bucket()
    page.paste("AWS_ENDPOINT")
    page.run(import_all)
    origin.stop()
    origin.start()
    ports = [site.ports["second origin"]]
    site.running.enter_context(page.server("origin2", site.directory, "origin serve --listen", ports))
    pictures_come_from_the_bucket(site)
    new_pictures_are_shown(site, lambda: page.run(import_new), "91")
    assert page.left() == []


def test_an_operator_types_five_commands_and_edits_five_lines_at_most() -> None:
    text = section(DOCS / "guide/existing-site.md", "Five commands")
    typed = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    servers = ("origin serve", "varnishd", "purger run")
    commands = [each for each in typed if not each.startswith(servers)]
    assert (len(commands), len(typed)) == (5, 5 + len(servers))
    rules = next(each for each in commands if "rules.toml" in each)
    # One more is the port of the site's server.
    assert len(rules.splitlines()) - 2 + 1 == 5


def start_the_edge(site: ExistingSite, page: PastedPage, name: str, before: Server | None = None) -> Server:
    """Write and start an edge; one after another gets the map of URLs that the page asks for, and its command line."""
    page.paste("purger vcl")
    default = site.directory / "etc/varnish/default.vcl"
    text = default.read_text()
    if before:
        text = replace_sub(text, "takedown_urls", block(DOCS / "guide/urls.md", "vcl", "blob.transcode"))
    default.write_text(text.replace('"8000"', f'"{site.ports["origin"]}"'))
    if before:
        return before.start()
    listeners = [site.ports["public"], site.ports["purge"]]
    return site.running.enter_context(page.server(name, site.directory, varnish_program("varnishd"), listeners))


def pictures_pass_through(site: ExistingSite) -> None:
    """See that a visitor gets the site's own bytes, whatever their name and kind, and its pages."""
    for path in (SUMMER, WINTER, OTHER, LONG, COPY):
        answer = site.get(path)
        assert (answer.status_code, answer.content) == (200, site.contents()[path])
        assert site.get(path, "?w=200").content == answer.content, "this server knows one size"
        site.wait_hit(path)
        site.wait_hit(path, "?w=200")
    site.wait(FLAGGED, 410)
    assert site.ask("public", "/page.html").text == "a page"
    later = "56/at once.svg"
    site.add(later, b"<svg/>")
    assert site.get(later).content == b"<svg/>"
    site.application(f"DELETE FROM pictures WHERE file_path = '{later}'")
    site.wait(later, 410)
    (site.directory / "uploads" / later).unlink()


def pictures_are_shown_without_a_copy(site: ExistingSite) -> None:
    """See the section Pictures hold, for a visitor and in the store."""
    site.wait(FLAGGED, 410)
    for path in (SUMMER, WINTER):
        answer = site.wait(path, 200)
        assert answer.content == site.contents()[path]
        assert answer.headers["Cache-Control"] == "public, no-cache"
        small = site.get(path, "?w=200")
        assert small.status_code == 200
        assert len(small.content) < len(answer.content)
        site.wait_hit(path)
        site.wait_hit(path, "?w=200")
        assert site.get(path, if_none_match=answer.headers["ETag"]).status_code == 304
    assert site.get(LONG).status_code == 404, "its code is no base64url, as the page says"
    long = hashlib.sha256(LONG.encode()).hexdigest()
    assert site.ask("public", f"/images/{long}").content == site.contents()[LONG]
    kept = [file.read_bytes() for file in (site.directory / "store").rglob("*") if file.is_file()]
    assert len(kept) == len(set(site.contents().values())), "a thumbnail each, and one for both copies"
    assert not set(kept) & set(site.contents().values())


def flags_are_takedowns(site: ExistingSite, page: PastedPage) -> None:
    """Do the section Flags."""
    site.settle()
    site.wait_hit(SUMMER)

    site.application(f"UPDATE pictures SET flagged = TRUE WHERE file_path = '{WINTER}'")
    site.wait(WINTER, 410)
    assert "; hit" in site.get(SUMMER).headers["Cache-Status"], "another picture's flag must leave this one"

    site.application(page.take("UPDATE pictures"))
    shown = page.paste("purger receipts")
    assert "HTTP/1.1 410" in shown
    assert "pictures" in shown
    assert "gone" in shown
    assert site.get(SUMMER, "?w=200").status_code == 410
    assert site.get(SUMMER, if_modified_since="Sat, 01 Jan 2050 00:00:00 GMT").status_code == 410

    site.application(f"UPDATE pictures SET flagged = FALSE WHERE file_path = '{SUMMER}'")
    assert site.wait(SUMMER, 200).content == site.contents()[SUMMER]
    assert site.get(WINTER).status_code == 410
    site.application(f"UPDATE pictures SET flagged = FALSE WHERE file_path = '{WINTER}'")
    site.wait(WINTER, 200)


def every_copy_is_taken(site: ExistingSite, page: PastedPage) -> None:
    """Do the part of the section Flags about content."""
    late = "78/a late copy.jpg"
    site.settle()
    for path in (SUMMER, COPY, OTHER):
        site.wait_hit(path)

    page.paste("purger ban --file")
    for path in (SUMMER, COPY):
        site.wait(path, 410)
    assert "; hit" in site.get(OTHER).headers["Cache-Status"], "a ban of other bytes must leave this one"
    site.add(late, site.contents()[SUMMER])
    assert site.get(late).status_code == 410

    page.run(f"purger lift --file '{site.files / SUMMER}'")
    for path in (SUMMER, COPY, late):
        assert site.wait(path, 200).content == site.contents()[SUMMER]


def new_pictures_are_shown(site: ExistingSite, import_new: Callable[[], object], folder: str) -> None:
    """See the section New pictures hold, with pictures that are uploaded to a new folder."""
    later, deleted = f"{folder}/later.jpg", f"{folder}/deleted.jpg"
    for path in (later, deleted):
        site.add(path)
    assert site.get(later).status_code == 404
    import_new()
    assert site.wait(later, 200).content == site.contents()[later]
    site.wait(deleted, 200)
    import_new()
    site.application(f"DELETE FROM pictures WHERE file_path = '{deleted}'")
    site.wait(deleted, 410)
    assert site.get(later).status_code == 200


def pictures_come_from_the_bucket(site: ExistingSite) -> None:
    """See that both origins answer as before, from the same store."""
    for origin in ("origin", "second origin"):
        assert site.ask(origin, f"/images/{code_of(SUMMER)}").content == site.contents()[SUMMER]
        assert site.ask(origin, f"/images/{code_of(SUMMER)}/thumb").content == site.get(SUMMER, "?w=200").content
    assert not site.files.exists()
    assert site.get(FLAGGED).status_code == 410

"""Show a site's own pictures through a real edge, by the verdict of a real origin, with nothing imported."""

import contextlib
import functools
import http.client
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from stack.edges.edge import Edge
from stack.processes.waiting import PATIENCE, wait_until
from takedown_base.name_codes import code_of_name
from tests.support.sites.origin_site import OriginSite

RULES = r"""[[rule]]
match = '^/images/(?:thumb/)?[^/]/[^/][^/]/(?P<name>[^/]+)'
"""
#: All of one picture. The edge has an object for each, the second one too: the origin takes the escape out.
URLS = [
    "/images/a/ab/cat.jpg",
    "/images/a/ab/c%61t.jpg",
    "/images/a/ab/cat.jpg?x=1",
    "/images/thumb/a/ab/cat.jpg/120px-cat.jpg",
]


def test_a_ban_takes_every_url_of_a_picture_that_nobody_imported(tmp_path: Path) -> None:
    files = tmp_path / "site"
    (files / "images/a/ab").mkdir(parents=True)
    (files / "images/thumb/a/ab/cat.jpg").mkdir(parents=True)
    for name in ("images/a/ab/cat.jpg", "images/thumb/a/ab/cat.jpg/120px-cat.jpg", "images/a/ab/dog.jpg", "page.html"):
        (files / name).write_bytes(name.encode())
    (tmp_path / "rules.toml").write_text(RULES)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(SimpleHTTPRequestHandler, directory=str(files)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rules = str(tmp_path / "rules.toml")
    with (
        server,
        OriginSite(tmp_path, ORIGIN_WORKERS="1", ORIGIN_RULES=rules) as site,
        Edge(tmp_path / "edge", site.origin.address, site=f"127.0.0.1:{server.server_port}", other_urls="pass") as edge,
    ):

        def ask(url: str) -> tuple[int, bytes]:
            """Send the URL as it is spelled; again while the origin could not ask the database in time."""

            def answered() -> tuple[int, bytes] | None:
                client = http.client.HTTPConnection("127.0.0.1", edge.public_port, timeout=PATIENCE)
                with contextlib.closing(client):
                    client.request("GET", url)
                    answer = client.getresponse()
                    return None if answer.status == 503 else (answer.status, answer.read())

            return wait_until(answered, url)

        def status(url: str) -> int:
            return ask(url)[0]

        assert [status(url) for url in URLS] == [200, 200, 200, 200]
        assert ask(URLS[0])[1] == b"images/a/ab/cat.jpg"
        assert status("/page.html") == 200, "what no rule reads is the site's"
        assert status("/images/a/ab//cat.jpg") == 404
        assert status("/images/a/ab/%2e%2e/ab/cat.jpg") == 404
        code = code_of_name("cat.jpg")
        site.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)
        edge.ask("PURGE", takedown_tags=f"i:{code}").raise_for_status()
        assert [status(url) for url in [*URLS, f"{URLS[3]}?new=1"]] == [410, 410, 410, 410, 410]
        assert status("/images/a/ab/dog.jpg") == 200
        server.shutdown()

"""Compare the edge's answers to conditional and range requests with the origin's (RFC 9110, sections 13 and 14)."""

import http.client
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from stack.processes.waiting import PATIENCE, wait_until
from tests.support.sites.site_actions import Site

Headers = list[tuple[str, str]]
#: Headers to compare. Of a 304 all are compared but those in the second list; an error's text is the edge's own.
COMPARED = ("ETag", "Last-Modified", "Cache-Control", "Expires", "Content-Range")
EACH_ITS_OWN = (
    *("Date", "Age", "Server", "Connection", "Cache-Status", "CDN-Cache-Control"),
    *("Takedown-Owner", "Takedown-Digest", "Takedown-Seen", "Takedown-Changed"),
)


def dates(last_modified: str) -> Iterator[str]:
    """Return dates around the image's in all three forms, and malformed ones."""
    changed = parsedate_to_datetime(last_modified)
    for days in (-400, -1, 0, 1, 400):
        date = changed + timedelta(days=days)
        yield format_datetime(date, usegmt=True)
        yield date.strftime("%A, %d-%b-%y %H:%M:%S GMT")
        yield date.strftime(f"%a %b {date.day:2} %H:%M:%S %Y")
    day_after = changed + timedelta(days=1)
    yield from (last_modified.replace("GMT", zone) for zone in ("UTC", "EST", "+0000", ""))
    yield from (last_modified.lower(), last_modified.replace(",", ""), last_modified[5:], f"{last_modified}, x")
    yield from (changed.isoformat(), changed.strftime("%Y-%m-%dT%H:%M:%S"), day_after.strftime("%Y-%m-%dT%H:%M:%S"))
    yield from ("", "0", "-1", "yesterday", str(int(day_after.timestamp())), "99999999999", "Inf", "nan")
    # A wrong day of the week, which is ignored; a leap second; two-digit years around fifty years from now.
    for weekday in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Xyz"):
        yield f"{weekday}{last_modified[3:]}"
        yield f"{weekday}{day_after.strftime(' %b %d %H:%M:%S %Y')}"
        yield f"{weekday}day, {day_after.strftime('%d-%b-%y %H:%M:%S')} GMT"
    yield from (f"{last_modified[:17]}23:59:{second} GMT" for second in (59, 60, 61))
    yield from (f"{last_modified[:17]}{time} GMT" for time in ("24:00:00", "23:60:00", "1:00:000", "::::::::"))
    for year in (*range(26, 28), *range(68, 80), 99):
        yield f"Sunday, 06-Nov-{year:02} 08:49:37 GMT"
    year = (datetime.now(UTC).year + 50) % 100
    yield from (f"Sunday, {day}-{year:02} 00:00:00 GMT" for day in ("01-Jan", "31-Dec"))
    yield from ("Sun, 06 Nov 1750 08:49:37 GMT", "Sun, 06 Nov 1899 08:49:37 GMT", "Sun, 06 Nov 0000 08:49:37 GMT")
    yield from ("Sun, 06 Abc 2100 08:49:37 GMT", "Sun Nov 06 08:49:37 2100", "Sun Nov  6 08:49:37 2100")
    yield from ("Sun, 31 Feb 2027 00:00:00 GMT", "Sun, 00 Jan 2027 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT")


def tags(etag: str) -> Iterator[str]:
    bare = etag.strip('"')
    yield from (etag, f"W/{etag}", "*", f'"x", {etag}', f'"x",W/{etag} ,"y"', f",{etag}", f"{etag},", f'"x",,{etag}')
    yield from ("", ",", '"x"', 'W/"x"', bare, f"'{bare}'", f'"{bare[:-1]}"', f'"x{bare}"', '*, "x"', etag.upper())
    # No lists of tags, or only up to a point.
    yield from (
        f"{etag}x",
        f"x{etag}",
        f"{etag}{etag}",
        f'"x"{etag}',
        f'"x" {etag}',
        f'"x{etag}',
        f"w/{etag}",
        f"W/ {etag}",
    )
    yield from (
        f'"a b", {etag}',
        f'"a\tb", {etag}',
        f"{etag};q=1",
        f"{etag}, x",
        f"x, {etag}",
        f'"a,{etag}',
        f'{etag}"',
    )
    yield from (f'"x"; {etag}', f"*, {etag}", f"{etag}, *", f'"\\{etag}', f'"\x80", {etag}', f'"#", "!", "~" ,{etag}')
    yield ",".join(['"x"'] * 1500 + [etag])
    yield '"",' * 2600


def ranges(size: int) -> Iterator[str]:
    huge = "99999999999999999999"
    yield from ("bytes=0-0", "bytes=0-", "bytes=-1", "Bytes=0-1", f"bytes={size - 1}-", f"bytes=0-{huge}")
    yield from (f"bytes=-{size}", f"bytes=-{size + 1}", f"bytes=-{huge}", f"bytes=0-{size}", "bytes=000-001")
    yield from ("bytes=00000000000000000000001-00000000000000000000002", f"bytes={'0' * 20}5-{'0' * 20}4")
    yield from (f"bytes={size}-", f"bytes={size}-{size}", f"bytes={huge}-", f"bytes={huge}-{huge}")
    yield from ("bytes=-0", "bytes=-00000000000000000000000")
    yield from ("bytes=1-0", f"bytes={huge}-5", "bytes=0-0,2-2", "bytes=0-0,", "bytes= 0-0", "bytes =0-0", "bytes=-")
    yield from ("bytes=", "bytes", "", "0-1", "items=0-1", "bytes=a-b", "bytes=1--1", "bytes=+1-2", "bytes=0-1;x")


def requests_for(etag: str, last_modified: str, size: int) -> Iterator[Headers]:
    earlier = format_datetime(parsedate_to_datetime(last_modified) - timedelta(days=1), usegmt=True)
    for tag in tags(etag):
        yield [("If-None-Match", tag)]
        yield [("If-None-Match", tag), ("If-Modified-Since", last_modified)]
        yield [("If-None-Match", tag), ("Range", "bytes=0-3")]
        yield [("If-None-Match", '"x"'), ("If-None-Match", tag)]
        yield [("If-Range", tag), ("Range", "bytes=0-3")]
        yield [("If-Range", etag), ("If-Range", tag), ("Range", "bytes=0-3")]
        yield [("If-Match", tag)]
    for date in dates(last_modified):
        yield [("If-Modified-Since", date)]
        yield [("If-Modified-Since", date), ("If-Modified-Since", last_modified)]
        yield [("If-Unmodified-Since", date)]
        yield [("If-Range", date), ("If-Range", last_modified), ("Range", "bytes=0-3")]
        yield [("If-Range", date), ("Range", "bytes=0-3")]
    for part in ranges(size):
        yield [("Range", part)]
        yield [("Range", part), ("Range", "bytes=0-0")]
        yield [("Range", "bytes=0-0"), ("Range", part)]
        for name, value in (("If-Range", etag), ("If-Range", '"x"'), ("If-Range", last_modified)):
            yield [("Range", part), (name, value)]
        for date in (last_modified, earlier):
            yield [("Range", part), ("If-Modified-Since", date)]


def ask(connection: http.client.HTTPConnection, method: str, path: str, headers: Headers) -> tuple[object, ...]:
    """Send a request until its answer is no 503, which says of a database that is held up and not of the request."""

    def answered() -> tuple[http.client.HTTPResponse, bytes] | None:
        try:
            connection.putrequest(method, f"/images/{path}")
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            body = answer.read()
        except ConnectionError:  # the edge closes a connection that was idle while the origin was slow
            connection.close()
            return None
        return None if answer.status == 503 else (answer, body)

    answer, body = wait_until(answered, f"an answer to {method} {headers}")
    shown = body if answer.status in (200, 206, 410) else b""
    compared = {name: answer.headers.get(name) for name in COMPARED}
    if answer.status == 304:
        compared |= {name: value for name, value in answer.headers.items() if name not in EACH_ITS_OWN}
    return answer.status, compared, shown


@pytest.mark.parametrize("kind", ["image", "stable", "thumb", "banned", "unknown"])
def test_edge_and_origin_answer_alike(site: Site, kind: str) -> None:
    path = "nobody-has-this" if kind == "unknown" else site.new_image()
    if kind == "stable":
        with site.admin.cursor() as cursor:
            cursor.execute("UPDATE images SET stable_until = UTC_TIMESTAMP() + INTERVAL 9 DAY WHERE code = %s", (path,))
        site.wait_header(path, "Expires")
    elif kind == "thumb":
        path = f"{path}/thumb"
    elif kind == "banned":
        site.ban(path)
        site.wait_gone(path)
    shown = site.answer(path)
    etag = shown.headers.get("ETag", '"none"')
    last_modified = shown.headers.get("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")

    origin = http.client.HTTPConnection("127.0.0.1", site.stack.origin.port, timeout=PATIENCE)
    edge = http.client.HTTPConnection("127.0.0.1", site.stack.edge.public_port, timeout=PATIENCE)
    statuses = set()
    methods = ("GET", "HEAD") if kind == "image" else ("GET",)  # what HEAD leaves out does not depend on the kind
    for headers in requests_for(etag, last_modified, len(shown.content)):
        for method in methods:
            expected = ask(origin, method, path, headers)
            assert ask(edge, method, path, headers) == expected, (method, headers)
            statuses.add(expected[0])
    origin.close()
    edge.close()
    assert statuses == {"banned": {410}, "unknown": {404}}.get(kind, {200, 206, 304, 416})


def test_a_head_as_large_as_the_edge_takes_is_answered_to_a_miss_as_to_a_hit(site: Site) -> None:
    code = site.new_image()
    site.stack.edge.ask("PURGE", f"/images/{code}")
    head = f"GET /images/{code} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    lines = [f"A{n}: {'a' * 7000}\r\n" for n in range(4)]
    # http_req_size is 32 KB, the empty line included.
    rest = 32 * 1024 - len(head) - sum(map(len, lines)) - len("B: \r\n\r\n")
    request = f"{head}{''.join(lines)}B: {'b' * rest}\r\n\r\n".encode()
    for how in (b"fwd=uri-miss", b"hit"):
        with socket.create_connection(("127.0.0.1", site.stack.edge.public_port), timeout=PATIENCE) as client:
            client.sendall(request)
            answer = client.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 "), answer[:500]
        assert b"\r\nCache-Status: edge-takedown; " + how in answer, answer[:500]

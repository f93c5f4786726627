"""Probe public listeners that are no edges: a whole answer is bounded, and each failure has its words."""

import hashlib
from collections.abc import Iterator

import pytest

from purger.probing.probe import ImageFiles, Probe, ProbedUrl
from purger.probing.verdict import Verdict
from stack.processes.ports import free_port
from tests.support.edges.misbehaving_listeners import (
    FixedAnswer,
    listener_target,
    raw_listener,
    scripted_listener,
    stuck_listener,
)

IMAGE = b"picture" * 30_000
DIGESTS = {"original": hashlib.sha256(IMAGE).hexdigest()}


@pytest.fixture
def probe() -> Iterator[Probe]:
    probe = Probe(read_timeout=30.0, longest=0.5)
    yield probe
    probe.close()


def said_when_unreachable(probe: Probe, url: str) -> str:
    """Request an image of which there is no answer, and return the reason."""
    answer = probe.request(listener_target(url), "code", ImageFiles(DIGESTS))
    assert (answer.verdict, answer.status, answer.silent) == (Verdict.UNREACHABLE, None, True)
    return answer.said


def test_an_image_is_known_by_its_bytes_over_a_kept_connection() -> None:
    probe = Probe()
    with stuck_listener(IMAGE) as url:
        for _ in range(2):
            answer = probe.request(listener_target(f"{url}/"), "code", ImageFiles(DIGESTS))
            assert (answer.verdict, answer.status, answer.served) == (Verdict.SHOWN, 200, ("original",))
    probe.close()


@pytest.mark.parametrize(
    ("answers", "fetched"),
    [
        (("edge-takedown; hit", "edge-takedown; fwd=uri-miss; stored"), False),
        (("edge-takedown; fwd=bypass", "edge-takedown; fwd=uri-miss"), True),
        (("edge-takedown; fwd=uri-miss", ""), False),
    ],
)
def test_an_image_that_the_edge_has_fetched_just_then_is_not_from_its_cache(
    answers: tuple[str, str], fetched: bool
) -> None:
    paths = ("/images/code", "/images/code/thumb")
    by_path = {
        path: FixedAnswer(200, IMAGE, {"Cache-Status": status}) for path, status in zip(paths, answers, strict=True)
    }
    probe = Probe()
    with scripted_listener([], by_path) as url:
        answer = probe.request(listener_target(url, ("thumb",)), "code", ImageFiles(DIGESTS))
    probe.close()
    assert (answer.verdict, answer.fetched) == (Verdict.SHOWN, fetched)


@pytest.mark.parametrize(
    ("renditions", "paths"),
    [
        (None, ["/images/code", "/images/code/small"]),
        ((), ["/images/code"]),
        (("thumb", "original"), ["/images/code", "/images/code/thumb"]),
    ],
)
def test_the_renditions_that_the_edge_knows_are_asked_for(renditions: tuple[str, ...] | None, paths: list[str]) -> None:
    asked: list[str] = []
    probe = Probe()
    with scripted_listener(asked, {"/images/code/thumb": FixedAnswer(503, b"")}) as url:
        answer = probe.request(
            listener_target(url, renditions), "code", ImageFiles({"original": "0" * 64, "small": "1" * 64})
        )
    probe.close()
    assert asked == paths
    expected = (Verdict.FAILING, 503) if "/images/code/thumb" in paths else (Verdict.UNPROVEN, 404)
    assert (answer.verdict, answer.status) == expected


def test_of_several_answers_the_worst_holds() -> None:
    probe = Probe()
    answers = {
        "/images/code": FixedAnswer(503, b""),
        "/images/code/a": FixedAnswer(200, b"other"),
        "/images/code/b": FixedAnswer(404, b""),
    }
    digests = {"original": hashlib.sha256(IMAGE).hexdigest(), "a": "0" * 64, "b": "1" * 64}
    with scripted_listener([], answers) as url:
        answer = probe.request(listener_target(url), "code", ImageFiles(digests))
        assert (answer.verdict, answer.status, answer.said) == (
            Verdict.FOREIGN,
            200,
            "200 for a: other bytes, not marked as banned",
        )
        answers["/images/code/b"] = FixedAnswer(404, IMAGE)
        answer = probe.request(listener_target(url), "code", ImageFiles(digests))
        assert (answer.verdict, answer.status, answer.served) == (Verdict.SHOWN, 404, ("b",))
    probe.close()


def test_an_image_that_was_shown_counts_although_the_edge_falls_silent_then() -> None:
    probe, asked = Probe(read_timeout=0.5, longest=1.0), list[str]()
    broken = FixedAnswer(200, b"", {"Transfer-Encoding": "chunked"})
    digests = DIGESTS | {"a": "0" * 64, "b": "1" * 64}
    answers = {"/images/code": FixedAnswer(200, IMAGE), "/images/code/a": broken}
    with scripted_listener(asked, answers) as url:
        answer = probe.request(listener_target(url), "code", ImageFiles(digests))
        assert (answer.verdict, answer.served, asked) == (
            Verdict.SHOWN,
            ("original",),
            ["/images/code", "/images/code/a"],
        )
        answers["/images/code"] = FixedAnswer(404, b"")
        assert probe.request(listener_target(url), "code", ImageFiles(digests)).verdict is Verdict.UNREACHABLE
    probe.close()


def test_the_name_of_a_rendition_moves_no_terminal() -> None:
    name = "a\x1b[2J"
    probe = Probe()
    with scripted_listener([], {"/images/code/a%1B%5B2J": FixedAnswer(200, IMAGE)}) as url:
        answer = probe.request(listener_target(url), "code", ImageFiles(DIGESTS | {name: "0" * 64}))
        assert answer.served == (r"a\x1b[2J",)
        answer = probe.request(listener_target(url), "code", ImageFiles({"original": "0" * 64, name: "1" * 64}))
        assert answer.said == r"200 for a\x1b[2J: other bytes, not marked as banned"
    probe.close()


def test_urls_of_a_site_are_requested_with_their_own_host_and_as_they_are() -> None:
    asked: list[str] = []
    urls = [ProbedUrl("www.example.org:8080", "/f/a%2Cb.png?x=1&y", "1" * 64), ProbedUrl("", "/f/c.png", "2" * 64)]
    probe = Probe()
    with scripted_listener(asked, {urls[0].url: FixedAnswer(200, IMAGE), urls[1].url: FixedAnswer(404, b"")}) as url:
        files = ImageFiles(DIGESTS, urls, imported=False)
        answer = probe.request(listener_target(url), "code", files)
    probe.close()
    assert (answer.verdict, answer.served) == (Verdict.SHOWN, ("www.example.org:8080/f/a%2Cb.png?x=1&y",))
    assert asked == [each.url for each in urls], "nothing that was imported"


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X: x\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    ],
)
@pytest.mark.timeout(60)
def test_an_answer_that_drips_is_given_up(probe: Probe, begin: bytes, drip: bytes) -> None:
    with raw_listener(begin, drip=drip) as (url, _):
        assert said_when_unreachable(probe, url).startswith("no end of the answer")


def test_a_silent_edge_is_given_up_before_the_longest_answer_is() -> None:
    probe = Probe(read_timeout=0.2, longest=3600.0)
    with raw_listener(drip=b"x", every=3600.0) as (url, _):
        assert said_when_unreachable(probe, url) == "no answer in time"
    probe.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "the answer broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "the answer broke off"),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n", "the answer broke off"),
        (b"", "the answer broke off"),
        (b"SSH-2.0-server\r\n\r\n", "the answer is no HTTP"),
    ],
)
def test_an_answer_that_is_none_has_its_reason(answer: bytes, reason: str) -> None:
    probe = Probe()
    with raw_listener(answer) as (url, _):
        assert said_when_unreachable(probe, url) == reason
    probe.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:{port}", "connection refused"),
        ("http://no-such-host.invalid", "unknown host"),
        ("ftp://127.0.0.1", "'ftp://127.0.0.1' is not an http:// or https:// URL with a host"),
    ],
)
def test_no_connection_has_its_reason(probe: Probe, url: str, reason: str) -> None:
    assert said_when_unreachable(probe, url.format(port=free_port())) == reason

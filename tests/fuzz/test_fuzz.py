"""Run a short round of the fuzzer with a fixed seed, and test its judge, parser and cases."""

from pathlib import Path

import pytest

from stack.system import Stack, StackSettings
from tests.fuzz.__main__ import main
from tests.fuzz.answer_parser import GarbledError, parse_answers
from tests.fuzz.campaign import Campaign, Fault
from tests.fuzz.case import TOKEN, Case, Target, read
from tests.fuzz.case_maker import make_case
from tests.fuzz.command_counter import count_commands
from tests.fuzz.door_judge import ordered
from tests.fuzz.door_requests import READER
from tests.fuzz.judge import judge
from tests.fuzz.raw_exchange import Exchange
from tests.fuzz.report import Reporter

_SEED, _REQUESTS = 1, 400
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


def test_no_malformed_request_breaks_a_listener(tmp_path: Path) -> None:
    reporter, told = Reporter(tmp_path / "faults"), list[str]()
    # A fetch that is late because the machine is busy would be a 503.
    patient = StackSettings(door_port=0, edge_settings={"fetch_timeout": 60})
    with Stack(tmp_path / "stack", patient) as stack:
        for target in Target:

            def tell(fault: Fault, target: Target = target) -> None:
                told.extend(reporter.lines(target, fault))

            outcome = Campaign(stack, target, _SEED, tell).run(_REQUESTS)
            assert outcome.requests == _REQUESTS
            assert len(outcome.statuses) > 5, outcome.statuses  # it reached more than the first check
    assert not told, "\n".join(told)


def _faults(target: Target, data: bytes, received: bytes, **fields: int | None) -> list[str]:
    case = Case(target, 0, 0, data, most_answers=fields.get("most_answers"))
    return [kind for kind, _ in judge(case, Exchange(received, reset=False, ended=True), "sesame").faults]


@pytest.mark.parametrize(
    ("received", "kinds"),
    [
        (_OK, []),
        (b"", []),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + _OK, []),
        (_OK.replace(b"200 OK", b"505 HTTP Version Not Supported"), []),
        (_OK.replace(b"200 OK", b"500 Internal Server Error"), ["500"]),
        (_OK + _OK.replace(b"200 OK", b"503 Service Unavailable"), ["503"]),
        (_OK[:-1], ["cut"]),
        (_OK + b"more", ["garbled"]),
        (b"HTTP/1.1 200 OK\r\nX: a\nb\r\n\r\n", ["garbled"]),
        (b"HTTP/1.1 200 OK\r\n\r\nTraceback (most recent call last):", ["traceback"]),
        (b"HTTP/1.1 200 OK\r\nX: sesame\r\n\r\n", ["token"]),
        (_OK.replace(b"\r\n\r\n", b'\r\nContent-Type: image/png\r\nETag: "0"\r\n\r\n'), ["foreign"]),
    ],
)
def test_what_a_server_may_not_answer_is_a_fault(received: bytes, kinds: list[str]) -> None:
    assert _faults(Target.ORIGIN, b"GET / HTTP/1.1\r\n\r\n", received) == kinds


def test_varnish_may_fail_where_its_own_headers_find_no_room() -> None:
    full = b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 120 + b"\r\n"
    failed = _OK.replace(b"200 OK", b"500 Internal Server Error")
    assert _faults(Target.EDGE, full, failed) == []
    assert _faults(Target.ORIGIN, full, failed) == ["500"]
    assert _faults(Target.EDGE, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 60 + b"\r\n", failed) == ["500"]


def test_a_second_answer_where_one_request_is_in_doubt_is_a_fault() -> None:
    assert _faults(Target.EDGE, b"", _OK, most_answers=1) == []
    assert _faults(Target.EDGE, b"", _OK + _OK, most_answers=1) == ["smuggled"]
    assert _faults(Target.EDGE, b"", _OK + _OK) == []


def test_the_purge_listener_may_carry_out_well_formed_commands_with_the_token_alone() -> None:
    start, end = b"BAN / HTTP/1.1\r\nTakedown-All: ", b"\r\nAuthorization: Bearer " + TOKEN + b"\r\n\r\n"
    assert _faults(Target.PURGE, start + b"1" + end, _OK) == []
    assert _faults(Target.PURGE, start + b"2" + end, _OK) == ["acted"]
    assert _faults(Target.PURGE, start + b"1" + end, _OK + _OK) == ["acted"]
    assert _faults(Target.PURGE, start + b"1\r\n\r\n", _FORBIDDEN) == []
    assert _faults(Target.PURGE, start + b"1\r\n\r\n", _OK) == ["authorised"]


def test_the_door_may_do_nothing_without_its_token_and_show_nothing_without_any() -> None:
    head = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nLocation: /takedowns/1\r\nContent-Length: "
    done, shown = head + b"2\r\n\r\n{}", head.replace(b"Location", b"X") + b"2\r\n\r\n{}"
    ask = b"POST /takedowns HTTP/1.1\r\nAuthorization: Bearer "
    assert _faults(Target.DOOR, ask + TOKEN, done) == []
    assert _faults(Target.DOOR, ask + READER, done) == ["authorised"]
    assert _faults(Target.DOOR, ask + READER, shown) == []
    assert _faults(Target.DOOR, ask, shown) == ["authorised"]
    assert _faults(Target.DOOR, ask, _FORBIDDEN) == ["foreign"]
    quoted = shown.replace(b"{}", b"{}sesame").replace(b" 2\r\n", b" 8\r\n")
    assert _faults(Target.DOOR, ask + TOKEN, quoted) == ["token"]
    assert _faults(Target.DOOR, ask + TOKEN + b"\r\nContent-Type: " + TOKEN, quoted) == []


@pytest.mark.parametrize(
    ("head", "body", "number"),
    [
        ("202 Accepted\r\nLocation: /takedowns/1", '{"id": 1}', 1),
        ("202 Accepted\r\nLocation: /takedowns/1\r\nIdempotency-Replayed: true", '{"id": 1}', 0),
        ("200 OK\r\nLocation: /takedowns/1", '{"state": "gone"}', 1),
        ("200 OK\r\nLocation: /takedowns/1", '{"id": 1}', 0),
        ("200 OK", '{"id": 1, "state": "gone"}', 0),
        ("200 OK", '{"purged": ["a", "b"], "gone": true}', 2),
        ("404 Not Found", '{"kind": "no-route"}', 0),
    ],
)
def test_what_the_door_says_was_written_is_counted(head: str, body: str, number: int) -> None:
    received = f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    assert [ordered(answer) for answer in parse_answers(received)] == [number]


@pytest.mark.parametrize(
    ("sent", "count"),
    [
        ("PURGE /images/a HTTP/1.1\r\nAuthorization: Bearer t\r\n\r\n", 1),
        ("PURGE /images/a http/1.1\nauthorization:\r\n bearer t\n\n", 1),
        ("PURGE http://e.test/images/a HTTP/1.1\r\nAuthorization: Bearer t\r\n\r\n /", 1),
        ("HEARTBEAT / HTTP/1.1\r\nAuthorization: Bearer t\r\n\r\n" * 2, 2),
        ("PURGE /images/a/thumb HTTP/1.1\r\nAuthorization: Bearer t\r\n\r\n", 0),
        ("PURGE /images/a HTTP/1.1\r\nAuthorization: Bearer u\r\n\r\n", 0),
        (f"PURGE / HTTP/1.1\r\nTakedown-Tags: i:a,o:b,d:{'a' * 64}\r\nAuthorization: Bearer t\r\n\r\n", 1),
        ("PURGE / HTTP/1.1\r\nTakedown-Tags: i:a\r\nAuthorization: Bearer t\r\nTakedown-Tags: o:b\r\n\r\n", 1),
        ("PURGE / HTTP/1.1\r\nTakedown-Tags: i:a, i:b\r\nAuthorization: Bearer t\r\n\r\n", 0),
        ("PURGE / HTTP/1.1\r\nTakedown-Tags: i:a,\r\nAuthorization: Bearer t\r\n\r\n", 0),
        (f"PURGE / HTTP/1.1\r\nTakedown-Tags: d:{'A' * 64}\r\nAuthorization: Bearer t\r\n\r\n", 0),
        ("PURGE /images/a HTTP/1.1\r\nTakedown-Tags: i:a\r\nAuthorization: Bearer t\r\n\r\n", 0),
        ("PURGE / HTTP/1.1\r\nAuthorization: Bearer t\r\n\r\n", 0),
        ("BAN / HTTP/1.1\r\nTakedown-All: 1\r\nAuthorization: Bearer t\r\n\r\n", 1),
        ("BAN / HTTP/1.1\r\nTakedown-Tags: i:a\r\nAuthorization: Bearer t\r\n\r\n", 0),
        ("HEARTBEAT / HTTP/1.1\r\nTakedown-Epoch: 1\r\nAuthorization: Bearer t\r\n\r\n", 0),
    ],
)
def test_commands_are_counted_as_the_page_on_edges_defines_them(sent: str, count: int) -> None:
    assert count_commands(sent.encode(), "t") == count


def test_chunked_answers_and_answers_to_head_are_taken_apart() -> None:
    head = _OK.removesuffix(b"ok")
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    assert [answer.body for answer in parse_answers(head + chunked + _OK + head)] == [b"", b"ok", b"ok", b""]
    with pytest.raises(GarbledError, match="byte 0"):
        parse_answers(b"<html>")


def test_a_case_is_the_same_by_its_number_and_from_its_file(tmp_path: Path) -> None:
    for target in Target:
        cases = [make_case(target, 7, number) for number in range(200)]
        assert cases == [make_case(target, 7, number) for number in range(200)]
        assert len({case.data for case in cases}) > 150
        for case in cases:
            case.write(tmp_path / "case.json", "500: why")
            assert read(tmp_path / "case.json") == case
            assert b"".join(case.parts("t")) == case.data.replace(TOKEN, b"t")
    (tmp_path / "case.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no case"):
        read(tmp_path / "case.json")


def test_listeners_are_named_as_the_page_says() -> None:
    names = ["edge", "origin", "purge", "door"]
    context = main.make_context("fuzz", [part for name in names for part in ("--target", name)])
    assert [Target(name) for name in context.params["targets"]] == list(Target)

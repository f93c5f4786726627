"""Ask a door for what it must not do: each refusal has its status, changes nothing, and leaves no traceback."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from stack.databases.database import Database
from stack.door import Door
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.door.door_client import DoorClient


@pytest.fixture(scope="module")
def door(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with Door(tmp_path_factory.mktemp("door"), database) as running:
        yield running
        assert "Traceback" not in running.log_text()


@pytest.fixture(scope="module")
def client(door: Door) -> DoorClient:
    return DoorClient(door, door.token)


def execute(database: Database, sql: str) -> list[tuple[object, ...]]:
    with closing(database.connect_admin()) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def everything(database: Database) -> list[tuple[object, ...]]:
    """Return all that an order could change."""
    return execute(
        database,
        "SELECT (SELECT COUNT(*) FROM bans), (SELECT COUNT(*) FROM bans WHERE lifted_at IS NOT NULL),"
        " (SELECT COUNT(*) FROM door_orders), (SELECT COUNT(*) FROM invalidations),"
        " (SELECT COUNT(*) FROM moderation_log)",
    )


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "kind"),
    [
        ("POST", "/takedowns", {"data": b"{"}, 415, "not-json"),
        ("POST", "/takedowns", {"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "malformed-json"),
        ("POST", "/takedowns", {"json": {"image": 1}}, 422, "unusable-order"),
        ("POST", "/takedowns", {"json": {"image": "a b"}}, 422, "unusable-order"),
        ("POST", "/takedowns", {"json": {"image": "nobody-has-it"}}, 422, "unknown-subject"),
        ("POST", "/takedowns", {"json": {"owner": "nobody"}}, 422, "unknown-subject"),
        ("POST", "/takedowns", {"json": {"digest": "abc"}}, 422, "unknown-subject"),
        ("POST", "/takedowns", {"json": {"name": "cats/tom.jpg"}}, 422, "unknown-subject"),
        ("POST", "/takedowns", {"json": {"name": "/cats/tom.jpg"}}, 422, "unusable-order"),
        ("POST", "/takedowns", {"json": {"url": "tom.jpg"}}, 422, "unusable-order"),
        ("POST", "/takedowns", {"json": {"url": "https://site.example/tom.jpg"}}, 503, "no-edge-answers"),
        ("POST", "/takedowns", {"json": {"image": "a", "reason": 256 * "x"}}, 422, "unusable-order"),
        ("POST", "/takedowns", {"json": {"image": "a", "by": 20_000 * "x"}}, 413, "body-too-large"),
        ("POST", "/takedowns", {"json": {"image": "a", "by": 70_000 * "x"}}, 413, "malformed-request"),
        ("POST", "/takedowns?wait=-1", {"json": {"image": "a", "ahead": True}}, 400, "malformed-parameter"),
        ("POST", "/takedowns?wait=51", {"json": {"image": "a", "ahead": True}}, 400, "malformed-parameter"),
        ("POST", "/takedowns?wait=nan", {"json": {"image": "a", "ahead": True}}, 400, "malformed-parameter"),
        ("POST", "/takedowns?until=now", {"json": {"image": "a", "ahead": True}}, 400, "malformed-parameter"),
        ("POST", "/takedowns?weit=1", {"json": {"image": "a", "ahead": True}}, 400, "unknown-parameter"),
        ("POST", "/takedowns?wait=1&wait=2", {"json": {"image": "a", "ahead": True}}, 400, "unknown-parameter"),
        ("POST", "/takedowns?%ff=1", {"json": {"image": "a", "ahead": True}}, 400, "malformed-query"),
        ("POST", "/takedowns", {"json": {"image": "a"}, "headers": {"Idempotency-Key": "é"}}, 400, "malformed-key"),
        ("PUT", "/takedowns", {}, 405, "method-not-allowed"),
        ("post", "/takedowns/1", {}, 405, "method-not-allowed"),
        ("GET", "/takedowns/1", {}, 404, "no-takedown"),
        ("GET", "/takedowns/0x1", {}, 404, "no-takedown"),
        ("GET", "/takedowns/99999999999999999999", {}, 404, "no-takedown"),
        ("DELETE", "/takedowns/7", {}, 404, "no-takedown"),
        ("GET", "/takedowns?limit=0", {}, 400, "malformed-parameter"),
        ("GET", "/takedowns?limit=1001", {}, 400, "malformed-parameter"),
        ("GET", "/takedowns?scope=all", {}, 400, "malformed-parameter"),
        ("GET", "/takedowns?open=1", {}, 400, "malformed-parameter"),
        ("GET", "/nothing", {}, 405, "method-not-allowed"),
        ("GET", "/openapi.json?x=1", {}, 400, "unknown-parameter"),
        ("OPTIONS", "/takedowns", {}, 405, "method-not-allowed"),
    ],
)
def test_a_request_that_is_wrong_is_refused_and_changes_nothing(
    database: Database, client: DoorClient, method: str, path: str, options: dict[str, object], status: int, kind: str
) -> None:
    before = everything(database)
    answer = client.ask(method, path, **options)
    assert (answer.status_code, answer.json()["kind"]) == (status, kind), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert everything(database) == before


@pytest.mark.parametrize("token", ["", "wrong", "é", 5000 * "a"])
@pytest.mark.parametrize("request_", [("POST", "/takedowns"), ("GET", "/takedowns/1"), ("DELETE", "/takedowns/1")])
def test_a_wrong_token_is_refused(database: Database, door: Door, token: str, request_: tuple[str, str]) -> None:
    before = everything(database)
    headers = {"Authorization": f"Bearer {token}".encode()}
    answer = DoorClient(door, "").ask(*request_, json={"image": "a", "ahead": True}, headers=headers)
    assert (answer.status_code, answer.json()["kind"]) == (401, "wrong-token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert everything(database) == before


def test_a_client_does_what_its_scopes_allow_and_no_more(database: Database, door: Door, client: DoorClient) -> None:
    banner = DoorClient(door, door.add_client("banner", 'ban = ["image"]\n'))
    reader = DoorClient(door, door.add_client("reader", 'read = ["image"]\nothers = true\n'))
    lifter = DoorClient(door, door.add_client("lifter", 'ban = ["image"]\nlift = ["image"]\nread = ["image"]\n'))
    image = client.order(image="scoped", ahead=True).json()["id"]
    owner = client.order(owner="scoped", ahead=True).json()["id"]
    own = lifter.order(image="own", ahead=True).json()["id"]
    mine = banner.order(image="mine", ahead=True).json()["id"]
    before = everything(database)
    refused = [
        banner.order(owner="scoped", ahead=True),
        banner.order(digest=32 * "ab", ahead=True),
        banner.state(mine),
        banner.lift(mine),
        banner.ask("GET", "/takedowns"),
        reader.order(image="scoped"),
        reader.lift(image),
        reader.state(owner),
        reader.ask("GET", "/takedowns?scope=owner"),
    ]
    assert {(answer.status_code, answer.json()["kind"]) for answer in refused} == {(403, "scope-not-allowed")}
    hidden = [lifter.state(image), lifter.lift(image), banner.state(image), banner.lift(image)]
    assert {(answer.status_code, answer.json()["kind"]) for answer in hidden} == {(404, "no-takedown")}
    assert everything(database) == before
    assert reader.state(image).status_code == 200
    assert lifter.state(own).status_code == 200
    assert lifter.lift(own).status_code == 202
    assert {each["scope"] for each in reader.ask("GET", "/takedowns").json()["takedowns"]} == {"image"}
    assert [each["id"] for each in lifter.ask("GET", "/takedowns").json()["takedowns"]] == [own]


def test_a_client_with_owners_reaches_images_of_these_only(database: Database, door: Door) -> None:
    execute(database, "INSERT INTO images (code, owner) VALUES ('of-ann', 'ann'), ('of-bob', 'bob')")
    limited = DoorClient(door, door.add_client("limited", 'ban = ["image", "owner"]\nowners = ["ann"]\n'))
    before = everything(database)
    refused = [limited.order(image="of-bob"), limited.order(owner="bob"), limited.order(image="none", ahead=True)]
    assert {(answer.status_code, answer.json()["kind"]) for answer in refused} == {(403, "owner-not-allowed")}
    assert everything(database) == before
    assert limited.order(image="of-ann").status_code == 202
    assert limited.order(owner="ann").status_code == 202


def test_a_client_that_asks_too_often_is_told_to_wait(database: Database, door: Door) -> None:
    hasty = DoorClient(door, door.add_client("hasty", 'ban = ["image"]\nrate = 0.01\n'))
    assert hasty.order(image="often", ahead=True).status_code == 202
    before = everything(database)
    answer = hasty.order(image="often", ahead=True)
    assert (answer.status_code, answer.json()["kind"]) == (429, "too-many-requests")
    assert 90 <= int(answer.headers["Retry-After"]) <= 100
    assert everything(database) == before


def test_no_purger_is_named_as_what_keeps_a_takedown_from_being_delivered(client: DoorClient) -> None:
    answer = client.order(image="waiting", ahead=True, wait=0)
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    assert "no purger is alive" in answer.json()["obstacle"]


def test_what_the_outbox_lacks_is_not_said_to_be_gone(database: Database, client: DoorClient) -> None:
    number = client.order(image="unwritten", ahead=True).json()["id"]
    execute(database, f"DELETE FROM invalidations WHERE ban_id = {number}")
    state = client.state(number, wait=0)
    assert (state.status_code, state.json()["state"]) == (202, "unknown")


def test_clients_that_send_half_a_head_keep_nobody_waiting(door: Door, client: DoorClient) -> None:
    slow = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(60)]
    try:
        for each in slow:
            each.sendall(b"POST /takedowns HTTP/1.1\r\nHost: a\r\nAuthorization: Bea")
        assert client.order(image="quick", ahead=True).status_code == 202
        for each in slow:
            each.settimeout(PATIENCE)
            with each.makefile("rb") as answer:
                head, _, body = answer.read().partition(b"\r\n\r\n")
            assert (head[:12], json.loads(body)["kind"]) == (b"HTTP/1.1 408", "late-request")
    finally:
        for each in slow:
            each.close()


def test_waits_leave_threads_to_others(door: Door, client: DoorClient) -> None:
    number = client.order(image="long", ahead=True).json()["id"]
    request = f"GET /takedowns/{number}?wait=20 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {client.token}\r\n\r\n"
    waiting = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(16)]
    try:
        for each in waiting:
            each.sendall(request.encode())
        began = time.monotonic()
        assert client.state(number).status_code == 200
        assert time.monotonic() - began < 15, "it did not wait for the others"
    finally:
        for each in waiting:
            each.close()


def test_a_right_that_the_account_lacks_is_said_and_logged_with_advice(
    database: Database, door: Door, client: DoorClient
) -> None:
    right = "EXECUTE ON FUNCTION takedown.content_of_name"
    before = everything(database)
    execute(database, f"REVOKE {right} FROM 'takedown_door'@'%'")
    try:
        answer = client.order(digest=32 * "ab", ahead=True)
    finally:
        execute(database, f"GRANT {right} TO 'takedown_door'@'%'")
    assert (answer.status_code, answer.json()["kind"]) == (503, "database-unavailable")
    assert "lacks a right" in answer.json()["detail"]
    assert "run `purger migrate` as an administrator, which gives takedown_door its rights" in door.log_text()
    assert everything(database) == before


def test_a_database_that_is_away_is_503_and_its_return_is_noticed(database: Database, client: DoorClient) -> None:
    """The last test: it restarts the database."""
    assert client.order(image="before", ahead=True).status_code == 202
    database.stop()
    try:
        answer = client.order(image="away", ahead=True)
        assert (answer.status_code, answer.json()["kind"]) == (503, "database-unavailable")
        assert answer.headers["Retry-After"]
    finally:
        database.start()
    wait_until(lambda: client.order(image="after", ahead=True).status_code == 202, "the database")
    subjects = execute(database, "SELECT subject FROM bans WHERE subject IN ('before', 'away', 'after') ORDER BY id")
    assert subjects == [("before",), ("after",)]

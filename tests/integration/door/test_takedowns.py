"""Order takedowns through a door beside real edges: gone means gone, and an order that is repeated bans once."""

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

from stack.door import Door
from stack.processes.waiting import PATIENCE, wait_until
from stack.system import Stack
from tests.support.door.door_client import DoorClient
from tests.support.pages.markdown_pages import ROOT
from tests.support.sites.site_actions import Site


@pytest.fixture(scope="module")
def door(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with Door(tmp_path_factory.mktemp("door"), stack.database) as running:
        yield running
        assert "Traceback" not in running.log_text()


@pytest.fixture(scope="module")
def client(door: Door) -> DoorClient:
    return DoorClient(door, door.token)


def bans(site: Site) -> int:
    return site.number("SELECT COUNT(*) FROM bans")


def test_an_order_is_answered_after_its_commit_and_waits_until_every_edge_has_it(
    site: Site, client: DoorClient
) -> None:
    code = site.new_image()
    answer = client.order(image=code, reason="spam", by="J. Doe", reference="26/12")
    assert answer.status_code == 202
    number = answer.json()["id"]
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE id = {number} AND subject = '{code}'") == 1
    assert answer.headers["Location"] == f"/takedowns/{number}"
    state = client.state(number, wait=30)
    for edge in site.stack.edges:
        assert site.get(code, edge).status_code == 410
        assert site.get(f"{code}/thumb", edge).status_code == 410
    assert (state.status_code, state.json()["state"]) == (200, "gone")
    assert state.json()["reference"] == "26/12"
    seen = client.state(number, wait=30, until="seen")
    assert seen.status_code == 200
    assert seen.json()["seen_gone"]
    assert [(each["edge"], each["seen"]["status"]) for each in seen.json()["edges"]] == [("edge1", 410), ("edge2", 410)]


@pytest.mark.parametrize("kind", ["image", "name", "url", "path", "owner", "digest"])
def test_an_image_is_named_in_each_way(site: Site, client: DoorClient, kind: str) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    members = {
        "image": {"image": code},
        "name": {"name": code},
        "url": {"url": f"{site.stack.edge.url}/images/{code}"},
        "path": {"url": f"/images/{code}/thumb?width=3"},
        "owner": {"owner": owner},
        "digest": {"digest": site.digest_of(code).upper()},
    }[kind]
    answer = client.order(wait=30, **members)
    assert (answer.status_code, answer.json().get("state")) == (200, "gone"), answer.text
    assert [site.get(code, edge).status_code for edge in site.stack.edges] == [410, 410]


def test_no_edge_is_said_to_have_what_it_has_not(site: Site, client: DoorClient) -> None:
    code = site.new_image()
    site.stack.purger.pause()
    try:
        answer = client.order(wait=0.3, image=code)
        assert (answer.status_code, answer.json()["state"]) == (202, "pending")
        assert [edge["acknowledged"] for edge in answer.json()["edges"]] == [False, False]
        assert answer.headers["Retry-After"]
    finally:
        site.stack.purger.resume()
    assert client.state(answer.json()["id"], wait=30).status_code == 200


def test_an_edge_that_showed_the_image_to_a_probe_is_not_said_to_have_lost_it(site: Site, client: DoorClient) -> None:
    code = site.new_image()
    number = client.order(wait=30, image=code).json()["id"]
    assert client.state(number, wait=30, until="seen").status_code == 200
    site.execute(
        "UPDATE sightings SET gone = 0 WHERE edge = 'edge2' AND invalidation IN"
        f" (SELECT id FROM invalidations WHERE ban_id = {number})"
    )
    state = client.state(number, wait=0).json()
    assert (state["state"], state["seen_gone"]) == ("pending", False)


def test_a_lift_brings_the_image_back_and_the_record_has_both_names(site: Site, client: DoorClient) -> None:
    code = site.new_image()
    before = site.get(code)
    number = client.order(wait=30, image=code, reason="mistaken", by="J. Doe").json()["id"]
    lifted = client.lift(number, reason="not spam", by="A. Roe")
    assert lifted.status_code == 202
    assert client.lift(number).status_code == 200, "it is lifted already"
    state = client.state(number, wait=30)
    assert (state.status_code, state.json()["state"]) == (200, "lifted")
    after = site.wait_served(code)
    assert (after.content, after.headers["ETag"]) == (before.content, before.headers["ETag"])
    receipts = site.stack.purger.run("receipts", code).stdout
    assert "by takedown_door@localhost for J. Doe (door client site): mistaken" in receipts
    assert "by takedown_door@localhost for A. Roe (door client site): not spam" in receipts


def test_a_proof_names_the_client(site: Site, client: DoorClient, tmp_path: Path) -> None:
    code = site.new_image()
    client.order(wait=30, image=code, by="J. Doe")
    file = tmp_path / "proof"
    proven = wait_until(lambda: not site.stack.purger.run("prove", code, "-o", str(file)).returncode, "a proof")
    assert proven
    key = str(site.stack.log_key.verifier())
    verified = site.stack.purger.run("verify", str(file), "--key", key)
    assert "J. Doe (door client site)" in verified.stdout, verified.stderr


def test_an_order_that_is_repeated_with_its_key_bans_once(site: Site, client: DoorClient) -> None:
    code = site.new_image()
    first = client.order("key-1", image=code, reason="spam")
    before = bans(site)
    again = client.order("key-1", image=code, reason="spam")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["Idempotency-Replayed"] == "true"
    other = client.order("key-1", image=code, reason="another")
    assert (other.status_code, other.json()["kind"]) == (422, "key-reused")
    assert bans(site) == before


def test_a_key_belongs_to_its_client(site: Site, door: Door, client: DoorClient) -> None:
    code = site.new_image()
    other = DoorClient(door, door.add_client("second", 'ban = ["image"]\n'))
    first = client.order("key-2", image=code)
    second = other.order("key-2", image=code)
    assert second.status_code == 202
    assert first.json()["id"] != second.json()["id"]


def test_orders_with_one_key_at_a_time_ban_once_at_two_doors(
    site: Site, client: DoorClient, door: Door, tmp_path: Path
) -> None:
    with Door(tmp_path / "second", site.stack.database) as second:
        second.clients.write_text(door.clients.read_text())
        clients = [client, DoorClient(second, client.token)]
        for number in range(10):
            code = f"ahead-{number}"
            before = bans(site)
            with ThreadPoolExecutor(8) as threads:
                answers = list(
                    threads.map(
                        lambda place, number=number, code=code: clients[place % 2].order(
                            f"race-{number}", image=code, ahead=True
                        ),
                        range(8),
                    )
                )
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.json()["id"] for answer in answers}) == 1
            assert bans(site) == before + 1
        takedown = answers[0].json()["id"]
        assert [each.state(takedown, wait=30).json()["state"] for each in clients] == ["gone", "gone"]


@pytest.mark.parametrize(("dies", "written"), [("find_ordered", 0), ("place_order", 1)])
def test_a_door_that_dies_in_an_order_has_banned_once_after_its_repetition(
    site: Site, client: DoorClient, door: Door, tmp_path: Path, dies: str, written: int
) -> None:
    code = site.new_image()
    dying = Door(
        tmp_path / "dying",
        site.stack.database,
        program=[sys.executable, "-m", "tests.support.door.dying_door"],
        options={"PYTHONPATH": str(ROOT), "DIES": dies},
    )
    dying.clients.write_text(door.clients.read_text())
    dying.start()
    try:
        with pytest.raises(requests.ConnectionError):
            DoorClient(dying, client.token).order(f"death-{dies}", image=code, reason="spam")
        wait_until(lambda: not dying.running(), "its end")
    finally:
        dying.kill()
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE subject = '{code}'") == written
    again = client.order(f"death-{dies}", image=code, reason="spam", wait=30)
    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (200, bool(written))
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE subject = '{code}'") == 1
    assert site.get(code).status_code == 410


def test_a_door_that_is_killed_while_the_database_carries_out_an_order_has_banned_once_after_its_repetition(
    site: Site, client: DoorClient, door: Door, tmp_path: Path
) -> None:
    code = site.new_image()
    killed = Door(tmp_path / "killed", site.stack.database)
    killed.clients.write_text(door.clients.read_text())
    working = (
        "SELECT COUNT(*) FROM information_schema.processlist"
        " WHERE user = 'takedown_door' AND (info LIKE 'INSERT INTO door_orders%' OR info LIKE 'CALL door_ban%')"
    )
    with killed, closing(site.stack.database.connect_admin()) as holder, holder.cursor() as cursor:
        # The order waits for this row, of another order with its key, which comes to nothing.
        cursor.execute("START TRANSACTION")
        cursor.execute(
            "INSERT INTO door_orders (ban_id, client, idempotency_key, fingerprint) VALUES (~0, 'site', 'held', '')"
        )
        with ThreadPoolExecutor(1) as thread:
            lost = thread.submit(DoorClient(killed, client.token).order, "held", image=code)
            wait_until(lambda: site.number(working) == 1, "the order is within its transaction")
            killed.kill()
            assert isinstance(lost.exception(), requests.ConnectionError)
        cursor.execute("ROLLBACK")
        wait_until(lambda: site.number(working) == 0, "the database is done with it")
    again = client.order("held", image=code, wait=30)
    assert again.status_code == 200
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE subject = '{code}'") == 1
    assert site.get(code).status_code == 410


def test_takedowns_are_listed_by_pages(site: Site, door: Door) -> None:
    token = door.add_client("lister", 'ban = ["image", "owner"]\nlift = ["image"]\nread = ["image", "owner"]\n')
    client = DoorClient(door, token)
    site.ban("listed-by-sql")
    numbers = [client.order(image=f"listed-{number}", ahead=True).json()["id"] for number in range(4)]
    numbers.append(client.order(owner="listed", ahead=True).json()["id"])
    client.lift(numbers[1])
    pages, before = [], ""
    while True:
        page = client.ask("GET", f"/takedowns?limit=2{before}").json()
        pages.append([each["id"] for each in page["takedowns"]])
        if page["before"] is None:
            break
        before = f"&before={page['before']}"
    assert [each for page in pages for each in page] == numbers[::-1]
    assert max(map(len, pages)) == 2
    opened = client.ask("GET", "/takedowns?open=true&scope=image").json()["takedowns"]
    assert [each["id"] for each in opened] == [numbers[3], numbers[2], numbers[0]]
    every = DoorClient(door, door.token).ask("GET", "/takedowns?limit=1000").json()["takedowns"]
    assert {"listed-by-sql", "listed-3"} <= {each["subject"] for each in every}


def test_the_door_ends_by_itself_when_it_is_told_to(site: Site, tmp_path: Path) -> None:
    with Door(tmp_path / "ending", site.stack.database) as ending:
        assert ending.process is not None
        os.kill(ending.process.pid, signal.SIGTERM)
        wait_until(lambda: not ending.running(), "its end")
        assert "stopping: SIGTERM came" in ending.log_text()


def test_metrics_count_answers_and_acts_of_each_client(site: Site, tmp_path: Path) -> None:
    with Door(tmp_path / "metrics", site.stack.database, options={"PURGER_DOOR_METRICS": "0"}) as door:
        client = DoorClient(door, door.token)
        number = client.order(image="measured", ahead=True).json()["id"]
        client.lift(number)
        DoorClient(door, "wrong").order(image="measured")
        (address,) = [line.split()[-1] for line in door.log_text().splitlines() if "metrics on" in line]
        text = requests.get(address, timeout=PATIENCE).text
    assert 'takedown_door_acts_total{act="ban",client="site"} 1.0' in text
    assert 'takedown_door_acts_total{act="lift",client="site"} 1.0' in text
    assert 'takedown_door_requests_total{client="site",status="202"} 2.0' in text
    assert 'takedown_door_requests_total{client="",status="401"} 1.0' in text
    assert "takedown_door_seconds_count 3.0" in text

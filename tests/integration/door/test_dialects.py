"""Send a door what caches and callbacks get already, byte for byte: the image goes at once, and nothing else does."""

import base64
import json
import socket
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stack.door import Door
from stack.processes.server import frozen
from stack.processes.waiting import PATIENCE, wait_until
from stack.system import Stack, StackSettings
from tests.support.sites.site_actions import Site

KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
ALL = '["image", "owner", "digest"]'


#: Maps the public URLs of Supabase's storage beside the edge's own.
URLS = """sub takedown_urls {
    set req.url = regsub(req.url, "^/storage/v1/object/public/pictures/([A-Za-z0-9_-]+)\\.png$", "/images/\\1");
}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = StackSettings(
        edges=2,
        edge_settings={"lease": 120.0, "fetch_timeout": 20.0, "urls": URLS},
        purger_options={"PURGER_AUDIT_INTERVAL": "86400", "PURGER_PRUNE_INTERVAL": "86400"},
    )
    with Stack(tmp_path_factory.mktemp("stack"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def door(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Run a door that knows each kind of sender."""
    made = Door(tmp_path_factory.mktemp("door"), stack.database)
    made.add_client("coop", f'ban = {ALL}\nlift = {ALL}\ncoop_key = """{PEM}"""\n')
    made.add_client("reader", f"read = {ALL}\n")
    text = made.clients.read_text()
    made.clients.write_text(text + '[here]\naddresses = ["127.0.0.1"]\npurge = true\nrate = 100000\n')
    with made as running:
        yield running
        assert "Traceback" not in running.log_text()


@pytest.fixture
def coop(door: Door) -> str:
    """Give the test a client of its own with Coop's key; return its token."""
    return door.add_client(f"coop{door.clients.read_text().count('[coop')}", COOP)


#: The last bytes of a replaced file.
REPLACED = b"replaced"

COOP = f'ban = {ALL}\nlift = {ALL}\ncoop_key = """{PEM}"""\n'


def sent(door: Door, head: str, body: bytes = b"") -> tuple[int, dict[str, object]]:
    """Send bytes, and return the status and the JSON of the answer."""
    with socket.create_connection(("127.0.0.1", door.port), timeout=PATIENCE) as connection:
        lines = [*head.strip().splitlines(), "Connection: close", f"Content-Length: {len(body)}"]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split()[1]), json.loads(answer.partition(b"\r\n\r\n")[2])


def number(site: Site, sql: str, *values: str) -> int:
    with site.admin.cursor() as cursor:
        cursor.execute(sql, values)
        ((found,),) = cursor.fetchall()
    return int(str(found))


def bans(site: Site) -> int:
    return number(site, "SELECT COUNT(*) FROM bans")


def purges(site: Site, code: str) -> int:
    return number(site, "SELECT COUNT(*) FROM invalidations WHERE subject = %s AND cause = 'resend'", code)


def fresh(site: Site, code: str) -> bool:
    """Tell whether each edge shows what ``replaced`` has written."""
    return all(site.get(code, edge).content.endswith(REPLACED) for edge in site.stack.edges)


def replaced(site: Site) -> str:
    """Return the code of an image that every edge has cached, and whose file was replaced without a word to anybody.

    Only a purge shows the new file. That edges have it again at once proves nothing: a probe may have asked for it.
    """
    code = site.new_image()
    for edge in site.stack.edges:
        site.wait_hit(code, edge)
    digest = site.digest_of(code)
    file = site.stack.origin.files / digest[:2] / digest[2:4] / digest
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[: -len(REPLACED)] + REPLACED)
    assert not any(site.get(code, edge).content.endswith(REPLACED) for edge in site.stack.edges)
    return code


@pytest.mark.parametrize("form", ["origin", "absolute"])
def test_a_purge_of_a_public_url_empties_every_edge_and_bans_nothing(site: Site, door: Door, form: str) -> None:
    code, other, before = replaced(site), replaced(site), bans(site)
    host = site.stack.edge.url.removeprefix("http://")
    target = f"/images/{code}" if form == "origin" else f"http://{host}/images/{code}"
    status, content = sent(door, f"PURGE {target} HTTP/1.1\nHost: {host}")
    assert (status, content) == (202, {"purged": [code], "gone": False})
    wait_until(lambda: fresh(site, code), f"{code} is purged")
    assert not fresh(site, other)
    assert bans(site) == before


def test_a_purge_without_a_token_is_taken_from_listed_addresses_only(site: Site, door: Door) -> None:
    code = site.new_image()
    line = f"PURGE /images/{code} HTTP/1.1\nHost: site.example"
    for field in ("X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "Via: 1.1 proxy"):
        assert sent(door, f"{line}\n{field}")[0] == 401
    assert sent(door, f"{line}\nAuthorization: Bearer {door.token}x")[0] == 401
    reader = door.add_client(f"reader{len(door.clients.read_text())}", f"read = {ALL}\n")
    assert sent(door, f"{line}\nAuthorization: Bearer {reader}")[0] == 403
    assert purges(site, code) == 0
    assert sent(door, f"{line}\nAuthorization: Bearer {door.token}")[0] == 202
    assert purges(site, code) == 1


@pytest.mark.parametrize("path", ["/", "/about", "/takedowns", "/images/"])
def test_a_purge_of_what_is_no_image_purges_nothing(site: Site, door: Door, path: str) -> None:
    status, content = sent(door, f"PURGE {path} HTTP/1.1\nHost: {site.stack.edge.url.removeprefix('http://')}")
    assert status == 404, content
    assert "nothing was purged" in str(content["detail"])


def test_ozone_and_bunny_purge_by_parameter(site: Site, door: Door) -> None:
    code, second = replaced(site), replaced(site)
    # URLSearchParams of BunnyInvalidator: async first.
    search = urlencode({"async": "true", "url": f"{site.stack.edge.url}/images/{code}"})
    head = f"POST /purge?{search} HTTP/1.1\nHost: door\nAccessKey: {door.token}\nUser-Agent: node"
    assert sent(door, head)[0] == 202
    wait_until(lambda: fresh(site, code), f"{code} is purged")
    search = f"url={quote(f'{site.stack.edge.url}/images/{second}', safe='')}&async=false"
    head = f"POST /purge?{search} HTTP/1.1\nHost: door\nAccessKey: {door.token}"
    assert sent(door, head) == (200, {"purged": [second], "gone": True})
    assert fresh(site, second)
    for wrong in (f"url=/images/{code}*", "url=kX3_vQ", "async=true", "url=/images/a&async=maybe", "url=/images/a&x=1"):
        status, _ = sent(door, f"POST /purge?{wrong} HTTP/1.1\nHost: door\nAccessKey: {door.token}")
        assert status in (400, 422), wrong
    assert sent(door, head.replace(door.token, "wrong"))[0] == 401


def test_mastodons_cache_buster_sends_its_token_through_the_sites_proxy(site: Site, door: Door) -> None:
    """CACHE_BUSTER_HTTP_METHOD=PURGE, CACHE_BUSTER_SECRET_HEADER=Authorization, CACHE_BUSTER_SECRET='Bearer TOKEN'."""
    code = replaced(site)
    fields = f"Host: files.example\nUser-Agent: Mastodon/4.5.0\nAuthorization: Bearer {door.token}"
    head = f"PURGE /images/{code} HTTP/1.1\n{fields}\nX-Forwarded-For: 10.0.0.7\nAccept-Encoding: gzip"
    assert sent(door, head)[0] == 202
    wait_until(lambda: fresh(site, code), f"{code} is purged")


def test_supabases_storage_purges_an_object(site: Site, door: Door) -> None:
    code = replaced(site)
    event = {"type": "object", "tenant": {"ref": "t1"}, "bucketId": "pictures", "objectName": f"{code}.png"}
    head = f"POST /purge HTTP/1.1\nHost: door\nContent-Type: application/json\nAuthorization: Bearer {door.token}"
    assert sent(door, head, json.dumps(event).encode()) == (200, {"purged": [code], "gone": True})
    assert fresh(site, code)
    wrong: dict[int, dict[str, object]] = {
        501: {**event, "type": "bucket"},
        422: {**event, "objectName": ""},
        404: {**event, "objectName": "../../../../../images/a b"},
    }
    for status, each in wrong.items():
        assert sent(door, head, json.dumps(each).encode())[0] == status
    assert sent(door, head.replace(door.token, "x"), json.dumps(event).encode())[0] == 401
    assert purges(site, code) == 1


def invalidate(door: Door, event: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {door.token}"}
    return requests.post(f"{door.url}/invalidation", json=event, headers=headers, timeout=PATIENCE)


def test_an_invalidation_is_200_only_when_all_is_gone(site: Site, door: Door) -> None:
    codes = [replaced(site), replaced(site)]
    event = {"type": "uri", "selectors": [f"{site.stack.edge.url}/images/{code}" for code in codes], "purge": True}
    answer = invalidate(door, event)
    assert (answer.status_code, answer.json()) == (200, {"purged": codes, "gone": True})
    assert all(fresh(site, code) for code in codes)
    with frozen(site.stack.edges[1]):
        answer = invalidate(door, event)
        assert (answer.status_code, answer.json()["gone"]) == (202, False)
    assert invalidate(door, {"type": "uri-prefix", "selectors": ["https://site.example/"]}).status_code == 501
    for wrong in ({"type": "uri"}, {"type": "uri", "selectors": []}, {"type": "uri", "selectors": [1]}):
        assert invalidate(door, wrong).status_code == 422
    assert invalidate(door, {"type": "uri", "selectors": ["/about", f"/images/{codes[0]}"]}).status_code == 404
    assert purges(site, codes[0]) == 3


def callback(
    door: Door, token: str, path: str, item: str, *, body: bytes | None = None, signed: str = ""
) -> requests.Response:
    """Send what Coop sends for an Action ("Handling Actions" in its documents), signed as it signs."""
    sent_body = json.dumps(
        {
            "item": {"id": item, "typeId": "image", "typeName": "Image"},
            "action": {"id": "a1"},
            "policies": [{"id": "p1", "name": "Spam", "penalty": "MEDIUM"}],
            "rules": [],
            "custom": {},
            "actorEmail": "moderator@example.com",
        }
    ).encode()
    signed = signed or base64.b64encode(KEY.sign(sent_body, PKCS1v15(), SHA256())).decode()
    headers = {"Authorization": f"Bearer {token}", "coop-signature": signed, "Content-Type": "application/json"}
    return requests.post(f"{door.url}/coop/{path}", data=body or sent_body, headers=headers, timeout=PATIENCE)


def test_a_purge_that_is_committed_is_never_said_to_be_undone(site: Site, door: Door) -> None:
    code = site.new_image()
    right = "EXECUTE ON PROCEDURE takedown.delivery"
    site.execute(f"REVOKE {right} FROM 'takedown_door'@'%'")
    try:
        headers = {"Authorization": f"Bearer {door.token}"}
        path = f"{door.url}/purge?{urlencode({'url': f'/images/{code}'})}"
        answer = requests.post(path, headers=headers, timeout=PATIENCE)
    finally:
        site.execute(f"GRANT {right} TO 'takedown_door'@'%'")
    assert (answer.status_code, answer.json()["kind"]) == (503, "state-unknown"), answer.text
    assert answer.json()["detail"] == (
        "The purge is committed, but its state cannot be read. The door's account lacks a right in the database, and "
        "the door's log says which."
    )
    assert site.number(f"SELECT COUNT(*) FROM invalidations WHERE subject = '{code}' AND cause = 'resend'") == 1
    assert "run `purger migrate` as an administrator" in door.log_text()


def test_an_action_of_coop_bans_and_lifts(site: Site, door: Door, coop: str) -> None:
    code, before = site.new_image(), bans(site)
    answer = callback(door, coop, "ban/image", code)
    assert answer.status_code == 202
    wait_until(lambda: all(site.get(code, edge).status_code == 410 for edge in site.stack.edges), "it is gone")
    (takedown,) = answer.json()["takedowns"]
    again = callback(door, coop, "ban/image", code)
    assert (again.status_code, again.json()["takedowns"]) == (200, [takedown])
    assert bans(site) == before + 1
    with site.admin.cursor() as cursor:
        cursor.execute("SELECT reason, banned_by FROM bans WHERE id = %s", (takedown,))
        ((reason, by),) = cursor.fetchall()
    assert reason == "Spam"
    assert str(by).startswith("moderator@example.com (door client coop")
    lifted = callback(door, coop, "lift/image", code)
    assert (lifted.status_code, lifted.json()["takedowns"]) == (202, [takedown])
    wait_until(lambda: site.get(code).status_code == 200, "it is back")
    assert callback(door, coop, "lift/image", code).json()["takedowns"] == []
    # The same callback again, after the lift, is a new takedown.
    assert callback(door, coop, "ban/image", code).status_code == 202
    wait_until(lambda: site.get(code).status_code == 410, "it is gone again")


def test_what_others_ordered_is_not_lifted_by_a_callback(site: Site, door: Door, coop: str) -> None:
    code = site.new_image()
    site.ban(code)
    other = door.add_client("another", COOP)
    assert callback(door, other, "ban/image", code).status_code == 202
    answer = callback(door, coop, "lift/image", code)
    assert (answer.status_code, answer.json()["takedowns"]) == (200, [])
    wait_until(lambda: site.get(code).status_code == 410, "it stays hidden")


def test_a_callback_that_coop_has_not_signed_changes_nothing(site: Site, door: Door, coop: str) -> None:
    code, before = site.new_image(), bans(site)
    forged = json.dumps({"item": {"id": code}, "action": {"id": "a1"}, "policies": []}).encode()
    assert callback(door, coop, "ban/image", "other", body=forged).status_code == 401
    assert callback(door, coop, "ban/image", code, signed="\xff").status_code == 401
    assert callback(door, coop + "x", "ban/image", code).status_code == 401
    assert callback(door, door.token, "ban/image", code).status_code == 403
    assert callback(door, coop, "ban/nothing", code).status_code == 404
    assert callback(door, coop, "ban/image", "no code").status_code == 422
    assert callback(door, coop, "ban/owner", "a b").status_code == 422
    assert bans(site) == before
    assert site.get(code).status_code == 200

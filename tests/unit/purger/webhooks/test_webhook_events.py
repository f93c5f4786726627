"""Check signatures by the library of Standard Webhooks, and which edges keep a takedown from being told as gone."""

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from purger.fleet.edges import ListedEdge
from purger.webhooks.events import Change, Receiver, gone, lifted, message_id, missing_edges
from purger.webhooks.post import ReceiverUrl, UnusableReceiverUrlError
from purger.webhooks.signature import UnusableSecretError, key_of, new_secret, signed_headers

NOW = datetime(2026, 12, 3, 12)
CHANGE = Change(7, 5, 17, "ban", "image", "kX3_vQ", NOW)


def test_the_library_of_receivers_verifies_what_is_signed_and_nothing_else() -> None:
    secret, other = new_secret(), new_secret()
    body = gone(Receiver("cases", None, 0), CHANGE, NOW, 2).encode()
    headers = signed_headers("gone_7_1", int(time.time()), body, [key_of(other), key_of(secret)])
    assert Webhook(secret).verify(body, headers)["data"]["takedown"] == 17
    changes = {
        "webhook-id": "gone_7_2",
        "webhook-timestamp": str(int(time.time()) - 1),
        "webhook-signature": signed_headers("gone_7_1", int(time.time()), body, [key_of(new_secret())])[
            "webhook-signature"
        ],
    }
    for name, value in changes.items():
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, {**headers, name: value})
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"17", b"18"), headers)
    old = signed_headers("gone_7_1", int(time.time()) - 600, body, [key_of(secret)])
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, old)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "whsec_" + "A" * 100, "whsec_!!", "A" * 44])
def test_a_text_that_is_no_secret_is_refused(secret: str) -> None:
    with pytest.raises(UnusableSecretError):
        key_of(secret)


def edge(name: str, **values: Any) -> ListedEdge:
    row = dict.fromkeys(ListedEdge.__dataclass_fields__)
    seen = {"enabled": True, "instance": name, "acknowledged": 5, "seen_at": NOW, "lease": 10.0}
    return ListedEdge(**{**row, "name": name, **seen, **values})


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({}, False),
        ({"acknowledged": 4}, True),
        ({"instance": None}, True),
        ({"instance": "edge1"}, True),
        ({"enabled": False, "acknowledged": 4}, True),
        ({"enabled": False, "acknowledged": 4, "seen_at": NOW - timedelta(minutes=1)}, False),
        ({"enabled": False}, False),
    ],
)
def test_a_takedown_is_gone_when_no_edge_may_show_it(values: dict[str, Any], missing: bool) -> None:
    found = missing_edges([edge("edge1"), edge("edge2", **values)], 5, NOW)
    assert ("edge2" in [each.name for each in found]) == missing


def test_an_event_has_one_id_and_names_its_proof() -> None:
    assert message_id("gone", CHANGE) == message_id("gone", CHANGE._replace(cause="lift")) != message_id("late", CHANGE)
    assert "https://door/17/proof" in lifted(Receiver("cases", "https://door/{takedown}/proof", 0), CHANGE)


@pytest.mark.parametrize(
    "url", ["", "ftp://a/", "http://", "http://a:b@c/", "https://a/#b", "https://a/ b", "http://a:x/", "http://\u00e4/"]
)
def test_a_receiver_has_a_plain_url(url: str) -> None:
    with pytest.raises(UnusableReceiverUrlError):
        ReceiverUrl.parse(url)

"""Clients of the door: their file, their rights and their rate."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from purger.door.clients import Clients, UnusableClientsError, new_token
from takedown_base.scope import Scope


def write(file: Path, text: str) -> Path:
    file.touch(mode=0o600)
    file.write_text(text)
    return file


def test_a_client_is_found_by_its_token_only(tmp_path: Path) -> None:
    token, line = new_token()
    assert token not in line
    file = write(tmp_path / "clients", f'[coop]\ntokens = ["{line}"]\nban = ["image", "digest"]\n')
    clients = Clients(file)
    client = clients.find(f"Bearer {token}")
    assert client is not None
    assert client.name == "coop"
    assert client.ban == {Scope.IMAGE, Scope.DIGEST}
    assert client.lift == set()
    for wrong in (f"Bearer {token}x", f"Basic {token}", token, "Bearer ", "", f"Bearer {line}", f"Bearer {line[7:]}"):
        assert clients.find(wrong) is None


def test_a_replaced_file_is_read_again_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    first, line = new_token()
    second, other = new_token()
    file = write(tmp_path / "clients", f'[a]\ntokens = ["{line}"]\n')
    clients = Clients(file)
    file.write_text("[a\n")
    assert clients.find(f"Bearer {first}") is not None
    file.write_text(f'[a]\ntokens = ["{other}"]\n')
    assert clients.find(f"Bearer {first}") is None
    assert clients.find(f"Bearer {second}") is not None


@pytest.mark.parametrize("mode", [0o604, 0o660, 0o620, 0o602])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    file = write(tmp_path / "clients", f'[a]\ntokens = ["{new_token()[1]}"]\n')
    file.chmod(mode)
    with pytest.raises(UnusableClientsError, match="chmod 0600"):
        Clients(file)


LINE = "sha256:" + 32 * "ab"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = 1", "begin it with"),
        ("[a]", "needs `tokens`"),
        ("[a]\ntokens = []", "needs `tokens`"),
        ('[a]\ntokens = ["secret"]', "needs `tokens`"),
        ('["a b"]\ntokens = []', "no name of a client"),
        (f'[a]\ntokens = ["{LINE}"]\nban = ["everything"]', "`ban` of a"),
        (f'[a]\ntokens = ["{LINE}"]\nban = "image"', "`ban` of a"),
        (f'[a]\ntokens = ["{LINE}"]\nothers = 1', "neither true nor false"),
        (f'[a]\ntokens = ["{LINE}"]\nrate = 0', "number of requests"),
        (f'[a]\ntokens = ["{LINE}"]\nrate = true', "number of requests"),
        (f'[a]\ntokens = ["{LINE}"]\nwrites = true', "which no client has"),
        (f'[a]\ntokens = ["{LINE}"]\nowners = ["a b"]', "list of keys"),
        (f'[a]\ntokens = ["{LINE}"]\nowners = ["a"]\nban = ["digest"]', "images of any owner"),
        (f'[a]\ntokens = ["{LINE}"]\nowners = ["a"]\nothers = true', "images of any owner"),
        (f'[a]\ntokens = ["{LINE}"]\n[b]\ntokens = ["{LINE}"]', "have the same token"),
        ("[a", "end of a table"),
    ],
)
def test_a_file_that_says_something_else_is_refused_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    file = write(tmp_path / "clients", text)
    with pytest.raises(UnusableClientsError, match=reason) as refused:
        Clients(file)
    assert "secret" not in str(refused.value)


def test_a_client_may_send_so_many_requests_a_second_and_no_more(tmp_path: Path) -> None:
    token, line = new_token()
    now = 0.0
    file = write(tmp_path / "clients", f'[a]\ntokens = ["{line}"]\nrate = 2\n')
    clients = Clients(file, lambda: now)
    client = clients.find(f"Bearer {token}")
    assert client is not None
    assert [clients.wait_for(client) for _ in range(3)] == [0, 0, 0.5]
    now = 0.5
    assert [clients.wait_for(client) for _ in range(2)] == [0, 0.5]
    now = 100
    assert [clients.wait_for(client) for _ in range(3)] == [0, 0, 0.5]


def test_an_address_is_that_of_the_client_that_lists_it(tmp_path: Path) -> None:
    text = '[wiki]\naddresses = ["127.0.0.1", "10.20.0.0/16", "fd00::/8"]\npurge = true\n'
    clients = Clients(write(tmp_path / "clients", text))
    for inside in ("127.0.0.1", "10.20.255.1", "fd00::1"):
        assert (found := clients.at(ip_address(inside))) is not None
        assert found.name == "wiki"
    for outside in ("127.0.0.2", "10.21.0.1", "::1"):
        assert clients.at(ip_address(outside)) is None


@pytest.mark.parametrize(
    "line", ['addresses = ["10.0.0.1/8"]', 'addresses = ["here"]', 'coop_key = "key"', "coop_key = 1"]
)
def test_a_malformed_address_or_key_is_refused(tmp_path: Path, line: str) -> None:
    text = f'[a]\ntokens = ["{LINE}"]\n{line}\n'
    with pytest.raises(UnusableClientsError, match=line.split()[0]):
        Clients(write(tmp_path / "clients", text))

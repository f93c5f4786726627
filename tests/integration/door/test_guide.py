"""Run what the guide of the door shows: the lines with curl, and the client."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.door import Door
from stack.system import Stack
from tests.support.door.door_client import DoorClient
from tests.support.pages.markdown_pages import ROOT
from tests.support.sites.site_actions import Site

GUIDE = (ROOT / "docs" / "guide" / "door.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def door(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with Door(tmp_path_factory.mktemp("door"), stack.database) as running:
        yield running


def shell(directory: Path, text: str) -> list[dict[str, object]]:
    """Run lines in a directory with the variables of a stack, and read the JSON that they print."""
    run = subprocess.run(["bash", "-euc", text], cwd=directory, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_the_lines_with_curl_do_what_the_guide_says(site: Site, door: Door, tmp_path: Path) -> None:
    code = site.new_image()
    (tmp_path / ".stack").mkdir()
    (tmp_path / ".stack" / "env").write_text(
        f"DOOR_URL={door.url}\nDOOR_TOKEN_FILE={door.token_file}\nSAMPLE_CODE={code}\n"
    )
    first, separator, rest = blocks("sh")[0].partition('?wait=10"\n')
    (ordered,) = shell(tmp_path, first + separator)
    assert (ordered["subject"], ordered["state"]) == (code, "gone")
    setting = "\n".join(first.splitlines()[:2])
    state, lifted, listed = shell(tmp_path, f"{setting}\n{rest}".replace("takedowns/1", f"takedowns/{ordered['id']}"))
    assert (state["state"], state["seen_gone"]) == ("gone", True)
    assert lifted["lift_reason"] == "mistaken"
    assert isinstance(listed["takedowns"], list)


def test_the_client_says_when_images_are_gone_and_what_was_refused(site: Site, door: Door) -> None:
    codes = [site.new_image() for _ in range(2)]
    (program,) = blocks("python")
    run = subprocess.run(
        [sys.executable, "-c", program],
        input="\n".join([codes[0], "nobody-has-it", codes[1]]),
        env={"DOOR_URL": door.url, "DOOR_TOKEN_FILE": str(door.token_file)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in run.stdout.splitlines() if "not yet" not in line]
    assert lines[0] == f"{codes[0]} gone at edge1, edge2"
    assert lines[1].startswith("nobody-has-it refused: Nothing was done: no image has the code nobody-has-it")
    assert lines[2] == f"{codes[1]} gone at edge1, edge2"
    assert [site.get(code).status_code for code in codes] == [410, 410]


def test_the_commands_make_a_file_of_clients_that_the_door_takes(door: Door, tmp_path: Path) -> None:
    path = f"PATH={Path(sys.executable).parent}:$PATH\n"
    subprocess.run(["bash", "-euc", path + blocks("sh")[1]], cwd=tmp_path, check=True)
    made = (tmp_path / "door.toml").read_text()
    token = (tmp_path / "coop.token").read_text().strip()
    assert token not in made
    assert (tmp_path / "coop.token").stat().st_mode & 0o777 == 0o600
    door.clients.write_text(door.clients.read_text() + made)
    client = DoorClient(door, token)
    assert client.order(owner="anna", ahead=True).status_code == 403
    assert client.order(image="by-coop", ahead=True).status_code == 202
    assert [each["subject"] for each in client.ask("GET", "/takedowns").json()["takedowns"]] == ["by-coop"]

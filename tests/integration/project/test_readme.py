"""Paste the blocks of the README, and of the page after it, as they are."""

import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from stack.databases.program import WITHOUT_TLS, chosen
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.pages.markdown_pages import ROOT, blocks

README = ROOT / "README.md"
PICTURES = ROOT / "docs/guide/first-pictures.md"


@dataclass(frozen=True)
class Newcomer:
    """A shell in the directory in which ``./dev run`` was started."""

    directory: Path

    @property
    def variables(self) -> dict[str, str]:
        """Read the variables of ``.stack/env``."""
        return dict(word.split("=", 1) for word in shlex.split((self.directory / ".stack/env").read_text()))

    def paste(self, text: str) -> subprocess.CompletedProcess[str]:
        """Paste lines into a fresh shell."""
        shell = ["bash", "--noprofile", "--norc", "-s"]
        text = text.replace("mariadb --", f"{chosen().client()[0]} --")
        return subprocess.run(shell, input=text, cwd=self.directory, capture_output=True, text=True, check=False)

    def sql(self, text: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Paste lines into the database's client, as the administrator unless ``options`` name another account."""
        client = [*chosen().client(), f"--socket={self.variables['DB_SOCKET']}", *options]
        return subprocess.run(client, input=text, capture_output=True, text=True, check=False)

    def wait_status(self, code: str, status: int) -> None:
        """Wait until the edge answers with a status for an image."""
        url = f"{self.variables['EDGE_URL']}/images/{code}"
        wait_until(lambda: requests.get(url, timeout=PATIENCE).status_code == status, f"{status} for {code}")


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Start ``./dev run`` with its default directory on free ports, and wait for ``ready``."""
    directory = tmp_path_factory.mktemp("clone")
    ports = {f"STACK_{part}_PORT": "0" for part in ("EDGE", "PURGE", "ORIGIN", "INGEST", "CONSOLE", "DOOR")}
    environment = {**os.environ, **ports, "PYTHONPATH": str(ROOT)}
    for name in ("STACK_DIR", WITHOUT_TLS):
        environment.pop(name, None)
    command = [sys.executable, "-m", "stack", "run"]
    with subprocess.Popen(command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "ready\n" in iter(process.stdout.readline, "")
            yield Newcomer(directory)
        finally:
            process.send_signal(signal.SIGINT)


def rebounds_are_over(newcomer: Newcomer) -> bool:
    """Tell whether the flush and the imports of the start are rebounded, so that nothing leaves the cache by itself."""
    waiting = "SELECT COUNT(*) FROM edges, numbering WHERE rebounded < last_batch OR instance IS NULL"
    return newcomer.sql(waiting, "--skip-column-names", newcomer.variables["DB_NAME"]).stdout.strip() == "0"


def paste_blocks(newcomer: Newcomer, page: Path) -> str:
    """Paste the blocks of a page that follow ``./dev run`` into one terminal. Returns the output."""
    text = "\n".join(text for text in blocks(page, "sh") if not text.startswith("./dev"))
    pasted = newcomer.paste(text.replace("$PWD/.venv/bin", sysconfig.get_path("scripts")))
    assert "rror" not in pasted.stderr
    return pasted.stdout


def test_the_readme_shows_what_it_says(newcomer: Newcomer) -> None:
    wait_until(lambda: rebounds_are_over(newcomer), "the rebounds of all purges")
    # On a busy machine the origin may be too late for its first answers: 503.
    newcomer.wait_status(newcomer.variables["SAMPLE_CODE"], 200)
    said = paste_blocks(newcomer, README)
    answers = re.findall(r"^HTTP/1.1.*?^\s*$", said, re.MULTILINE | re.DOTALL)
    assert [answer.split()[1] for answer in answers] == ["200", "200", "410", "200"]
    assert "; hit" in answers[1]
    assert "court order" in said
    tags = [re.findall(r"^ETag: (.*)$", answer, re.MULTILINE | re.IGNORECASE) for answer in answers]
    assert tags[0] == tags[1] == tags[3] != []


def test_a_newcomers_picture_goes_by_a_command_with_a_proof_and_by_a_hook(newcomer: Newcomer) -> None:
    (newcomer.directory / "docs").symlink_to(ROOT / "docs")
    try:
        said = paste_blocks(newcomer, PICTURES)
    finally:
        newcomer.sql("DROP DATABASE IF EXISTS site")
    assert re.findall(r"^HTTP/1.1 (\d+)", said, re.MULTILINE) == ["200", "410", "410"], said
    assert "proven gone at 1 edge" in said
    assert "VALID: " in said
    assert "created the trigger" in said

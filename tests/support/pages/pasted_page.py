"""Paste the code blocks of a page in their order, each as it stands but for addresses and paths of the test."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from stack.processes.commands import command
from stack.processes.server import ManagedServer, Server


class Block(NamedTuple):
    """A fenced block: its language, and its text."""

    language: str
    text: str


class PastedPage:
    """A page and a shell with the settings that the page writes. Each block has to be taken once, in its order."""

    def __init__(self, page: Path, home: Path, here: Mapping[str, str], settings: Path) -> None:
        """Take what to write instead of the page's words, the home directory, and the file of settings."""
        text = page.read_text()
        missing = [word for word in here if word not in text]
        assert missing == [], "the page has other words"
        for word, ours in here.items():
            text = text.replace(word, ours)
        self._blocks = [Block(*found) for found in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]
        self._taken = 0
        self._settings = settings
        programs = Path(command("origin")).parent
        self.environment = os.environ | {"HOME": str(home), "PATH": f"{programs}:{os.environ['PATH']}:/usr/sbin"}

    def take(self, part: str) -> str:
        """Return the next block, which has to have ``part`` in it."""
        assert self._taken < len(self._blocks), f"no block is left for {part!r}"
        text = self._blocks[self._taken].text
        assert part in text, f"the next block is not that of {part!r}:\n{text}"
        self._taken += 1
        return text

    def left(self) -> list[Block]:
        """Return the blocks that nobody has taken."""
        return self._blocks[self._taken :]

    def paste(self, part: str, code: int = 0) -> str:
        """Paste the next block into a new shell. Asserts its exit code; returns its output."""
        return self.run(self.take(part), code)

    def run(self, text: str, code: int = 0) -> str:
        """Run lines in a new shell that has read the settings. Asserts the exit code; returns the output."""
        pasted = subprocess.run(
            ["bash", "--noprofile", "--norc", "-es"],
            input=self._read_settings() + text,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert pasted.returncode == code, f"{text}\n{pasted.stdout}\n{pasted.stderr}"
        return pasted.stdout

    def server(self, name: str, directory: Path, part: str, ports: list[int]) -> Server:
        """Return a server that the next block starts, not yet started. It reads the settings at each start."""
        line = ["bash", "--noprofile", "--norc", "-c", f"{self._read_settings()}exec {self.take(part)}"]
        return ManagedServer(name, directory, line, ports=ports, environment=dict(self.environment))

    def _read_settings(self) -> str:
        return f"set -a; [ ! -e {self._settings} ] || . {self._settings}; set +a\n"

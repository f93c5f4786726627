"""Run a stack whose purger has a console, and use the console as a person's browser does, by HTTP."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from http import HTTPStatus
from pathlib import Path

import pytest
import requests

from purger.console.users import users
from stack.console import Console
from stack.processes.waiting import PATIENCE, wait_until
from stack.system import Stack, StackSettings

PASSWORD = "correct horse battery"


@contextmanager
def stack_with_console(directory: Path, *, edges: int = 2) -> Iterator[Stack]:
    """Run a stack with a console."""
    # On a busy machine no lease may end early.
    with Stack(directory, StackSettings(edges=edges, console_port=0, edge_settings={"lease": 60.0})) as stack:
        yield stack


def run_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a stack with a console: the body of the fixture ``stack`` in each file of tests that needs one."""
    with stack_with_console(tmp_path_factory.mktemp("console")) as stack:
        yield stack


def console_of(stack: Stack) -> Console:
    """Return the console of such a stack."""
    assert stack.console is not None
    return stack.console


def write_users(file: Path) -> Path:
    """Write a file of users whose hash is as cheap as the console accepts it."""
    hashed = users.hash_password(PASSWORD, memory=1024, passes=1)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"anna:moderate:{hashed}\nwall:look:{hashed}\n")
    file.chmod(0o600)
    return file


class Person:
    """A signed-in user of the console."""

    def __init__(self, console: Console, name: str) -> None:
        self.url = console.url
        self._session = requests.Session()
        answer = wait_until(lambda: self._sign_in(name, console.password), "tries that other tests have left")
        assert answer.status_code == 200, answer.text
        assert "Sign out" in answer.text

    def _sign_in(self, name: str, password: str) -> requests.Response | None:
        """Sign in; None: too many tries for now."""
        answer = self.post("/sign-in", name=name, password=password)
        return None if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS else answer

    def get(self, path: str, **headers: str) -> requests.Response:
        """GET a page; ``sec_fetch_site`` becomes ``Sec-Fetch-Site``."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._session.get(self.url + path, headers=names, timeout=PATIENCE)

    def post(self, path: str, *, origin: str | None = "", **fields: str) -> requests.Response:
        """POST a form, as a page of the console does, and follow where it leads; with ``origin`` as another page."""
        headers = {} if origin is None else {"Origin": origin or self.url}
        return self._session.post(self.url + path, data=fields, headers=headers, timeout=PATIENCE)

    def fill(self, path: str, **fields: str) -> requests.Response:
        """Read the form of a page, and send it back filled in."""
        return self.post(path, **self.hidden_fields(path), **fields)

    def hidden_fields(self, path: str) -> dict[str, str]:
        """Read the hidden fields of a page's form for moderation."""
        page = self.get(path)
        assert page.status_code == 200, page.text
        form = re.search(r'<form class="confirm".*?</form>', page.text, re.DOTALL)
        assert form is not None
        return {
            name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0])
        }

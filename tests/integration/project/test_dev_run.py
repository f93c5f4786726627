"""Start ``./dev run`` as a newcomer and as a script do."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from stack.processes.waiting import PATIENCE, wait_until
from takedown_db.connection.connect import connect

_NAMES = {
    *("EDGE_URL", "PURGE_URL", "PURGE_TOKEN_FILE", "ORIGIN_URL", "INGEST_URL", "INGEST_TOKEN_FILE"),
    *("CONSOLE_URL", "CONSOLE_PASSWORD", "DOOR_URL", "DOOR_TOKEN_FILE", "PURGER_DOOR_DATABASE_URL"),
    *("DB_SOCKET", "DB_NAME", "DB_URL", "PROOF_PUBLIC_KEY", "SAMPLE_CODE", "SAMPLE_OWNER"),
    *("PURGER_ADMIN_URL", "PURGER_DATABASE_URL", "PURGER_MODERATION_URL", "PURGER_LOG_KEY_FILE"),
    *("ORIGIN_DATABASE_URL", "ORIGIN_IMPORT_DATABASE_URL", "ORIGIN_STORE"),
}
_NAMES_OF_S3 = {"STORE_URL", "STORE_SETTINGS", "ORIGIN_STORE_SETTINGS"}


def _command() -> list[str]:
    return [sys.executable, "-m", "stack", "run"]


def _environment(directory: Path, store: str = "directory") -> dict[str, str]:
    parts = ("EDGE", "PURGE", "ORIGIN", "INGEST", "CONSOLE", "DOOR")
    ports = {f"STACK_{part}_PORT": "0" for part in parts}
    return {**os.environ, **ports, "STACK_DIR": str(directory), "STACK_STORE": store}


@contextmanager
def _running(directory: Path, store: str = "directory") -> Iterator[subprocess.Popen[str]]:
    """Start it and wait for ``ready``. It leads a process group, as a command in a terminal does."""
    with subprocess.Popen(
        _command(), env=_environment(directory, store), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert "ready\n" in iter(process.stdout.readline, "")
            yield process
        finally:
            process.kill()


def _variables(directory: Path) -> dict[str, str]:
    """Read the variables of the file ``env`` with a shell."""
    return dict(word.split("=", 1) for word in shlex.split((directory / "env").read_text()))


def assert_secret(directory: Path, run: int, secret: str) -> None:
    """Assert that no other user can read a secret, neither in a file nor in a process's command line."""
    assert directory.stat().st_mode & 0o777 == 0o700
    holding = []
    for path in directory.rglob("*"):
        with suppress(FileNotFoundError):  # a temporary table of the server
            if path.is_file() and path.stat().st_size < 1_000_000 and secret.encode() in path.read_bytes():
                holding.append(path)
    assert holding
    assert [path for path in holding if path.stat().st_mode & 0o077] == []
    processes = psutil.Process(run).children(recursive=True)
    assert processes
    assert [process for process in processes if secret in " ".join(process.cmdline())] == []


def _refused(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(_command(), env=environment, capture_output=True, text=True, check=False)
    assert result.returncode in (1, 2)
    assert "Traceback" not in result.stderr
    return result


def test_a_ban_written_with_what_it_prints_is_served_as_410_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    """With a store that is a server of its own; test_readme.py does it with a directory."""
    directory = tmp_path / "a directory's name"
    with _running(directory, "s3") as process:
        names = _variables(directory)
        assert names.keys() == _NAMES | _NAMES_OF_S3
        assert not list((directory / "origin" / "files").iterdir())
        settings = dict(line.split("=", 1) for line in Path(names["STORE_SETTINGS"]).read_text().splitlines())
        assert_secret(directory, process.pid, settings["secret_access_key"])
        assert_secret(directory, process.pid, str(urlsplit(names["DB_URL"]).password))
        assert_secret(directory, process.pid, Path(names["PURGE_TOKEN_FILE"]).read_text().strip())
        assert_secret(directory, process.pid, Path(names["INGEST_TOKEN_FILE"]).read_text().strip())
        assert_secret(directory, process.pid, names["CONSOLE_PASSWORD"])
        assert_secret(directory, process.pid, token := Path(names["DOOR_TOKEN_FILE"]).read_text().strip())
        headers = {"Authorization": f"Bearer {token}"}
        listed = requests.get(f"{names['DOOR_URL']}/takedowns", headers=headers, timeout=PATIENCE)
        assert listed.json() == {"takedowns": [], "before": None}
        assert "Sign in" in requests.get(names["CONSOLE_URL"], timeout=PATIENCE).text
        image = f"{names['EDGE_URL']}/images/{names['SAMPLE_CODE']}"
        wait_until(lambda: requests.get(image, timeout=PATIENCE).status_code == 200, "the image")
        connection = connect(names["DB_URL"], timeout=60)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bans (scope, subject) VALUES ('owner', %s)", (names["SAMPLE_OWNER"],))
        connection.close()
        wait_until(lambda: requests.get(image, timeout=PATIENCE).status_code == 410, "the special image")

        assert "another stack is running" in _refused(_environment(directory)).stderr
        children = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        # The child of varnishd ends after its parent.
        wait_until(lambda: not any(child.is_running() for child in children), "the end of its servers")


@pytest.mark.parametrize("moment", ["while it starts", "while it runs"])
def test_servers_do_not_outlive_a_killed_run(tmp_path: Path, moment: str) -> None:
    children: list[psutil.Process] = []
    if moment == "while it runs":
        with _running(tmp_path / "stack") as process:
            assert _variables(tmp_path / "stack").keys() == _NAMES
            children = psutil.Process(process.pid).children(recursive=True)
    else:
        with subprocess.Popen(_command(), env=_environment(tmp_path / "stack"), stdout=subprocess.DEVNULL) as process:
            parent = psutil.Process(process.pid)
            children = wait_until(lambda: parent.children(recursive=True) or None, "its first child")
            process.kill()
    assert children
    # Vinyl Cache waits up to a minute for connections that are idle.
    wait_until(lambda: not any(child.is_running() for child in children), "the end of its servers", 3 * PATIENCE)


def test_what_it_cannot_use_is_refused_and_nothing_of_others_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("mine")
    assert "neither empty nor an earlier stack's" in _refused(_environment(tmp_path)).stderr
    assert str(tmp_path / "letter") in _refused(_environment(tmp_path / "letter")).stderr
    assert "STACK_EDGE_PORT" in _refused({**_environment(tmp_path / "new"), "STACK_EDGE_PORT": "65536"}).stderr
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        stderr = _refused({**_environment(tmp_path / "new"), "STACK_ORIGIN_PORT": port}).stderr
    assert f"origin: port {port}" in stderr
    assert "STACK_ORIGIN_PORT" in stderr
    assert (tmp_path / "letter").read_text() == "mine"

"""Let `purger migrate --accounts` give the accounts passwords, with their URLs in files of one machine."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.databases.database import Database
from stack.processes.commands import command, run_apart
from takedown_db.connection.connect import connect

NAMES = ("origin", "import", "erase", "purger", "moderation", "door")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Run a database that nobody has migrated."""
    with Database(tmp_path_factory.mktemp("fresh")) as database:
        yield database


def migrate(database: Database, directory: Path, code: int = 0) -> "subprocess.CompletedProcess[str]":
    arguments = [command("purger"), "migrate", "--accounts", str(directory)]
    ran = run_apart(arguments, {"PURGER_ADMIN_URL": database.admin_url()})
    assert ran.returncode == code, ran
    return ran


def test_each_account_gets_a_password_and_a_file_once(fresh: Database, tmp_path: Path) -> None:
    directory = tmp_path / "etc"
    said = migrate(fresh, directory).stdout
    assert said.count("gave takedown_") == len(NAMES)
    urls = {}
    for name in NAMES:
        file = directory / f"{name}.url"
        urls[name] = file.read_text()
        assert file.stat().st_mode & 0o777 == 0o600
        connect(urls[name].strip(), timeout=30).close()
        assert urls[name].partition(":")[2].partition("@")[0].split(":")[1] not in said
    settings = dict(line.split("=") for line in (directory / "env").read_text().splitlines())
    assert Path(settings["PURGER_MODERATION_URL_FILE"]).read_text() == urls["moderation"]
    assert Path(settings["PURGER_ADMIN_URL_FILE"]).read_text().strip() == fresh.admin_url()
    assert directory.stat().st_mode & 0o777 == 0o711

    (directory / "env").write_text("edited")
    assert migrate(fresh, directory).stdout == "nothing to do: the schema is complete\n"
    assert {name: (directory / f"{name}.url").read_text() for name in NAMES} == urls
    assert (directory / "env").read_text() == "edited"

    elsewhere = migrate(fresh, tmp_path / "other").stdout
    assert elsewhere.count("left takedown_") == len(NAMES)
    assert not (tmp_path / "other/origin.url").exists()
    assert (tmp_path / "other/env").read_text() == f"PURGER_ADMIN_URL_FILE={tmp_path / 'other/admin.url'}\n"
    connect(urls["origin"].strip(), timeout=30).close()

    with fresh.connect_admin() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER ''@'localhost'")
        refused = migrate(fresh, directory, code=1).stderr
        cursor.execute("DROP USER ''@'localhost'")
        assert f"nobody can log in by {directory / 'origin.url'}: Access denied" in refused
        assert "DROP USER ''@'localhost', and run this again" in refused
        cursor.execute("ALTER USER takedown_erase ACCOUNT LOCK")
    refused = migrate(fresh, directory, code=1).stderr
    assert "takedown_erase is locked" in refused
    assert (directory / "erase.url").read_text() == urls["erase"]
    (tmp_path / "file").write_text("")
    assert "file" in migrate(fresh, tmp_path / "file" / "below", code=1).stderr

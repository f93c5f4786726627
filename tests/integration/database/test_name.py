"""Migrate a database whose name has an underscore, which in GRANT ON stands for any character."""

from pathlib import Path

import mysql.connector
import pytest
from click.testing import CliRunner

from purger.cli.main import cli
from stack.databases.database import Database
from stack.processes.commands import user_name

_ACCOUNTS = ("origin", "import", "erase", "purger", "moderation")
_NEIGHBOUR = """
CREATE DATABASE images2site;
CREATE TABLE images2site.secrets (text VARCHAR(16));
CREATE DEFINER = takedown_definer@localhost PROCEDURE images2site.peek() SELECT * FROM images2site.secrets;
"""


def test_no_account_reads_a_database_of_a_similar_name(tmp_path: Path) -> None:
    with Database(tmp_path / "database") as database:
        url = database.admin_url().replace("/takedown?", "/images_site?")
        migrated = CliRunner().invoke(cli, ["migrate", "--database-url", url])
        assert migrated.exit_code == 0, migrated.output
        with (
            mysql.connector.connect(user=user_name(), unix_socket=str(database.socket)) as admin,
            admin.cursor() as cursor,
        ):
            for sql in filter(str.strip, _NEIGHBOUR.split(";")):
                cursor.execute(sql)
            with pytest.raises(mysql.connector.Error, match=r"denied to user 'takedown_definer'"):
                cursor.execute("CALL images2site.peek()")
            for account in _ACCOUNTS:
                cursor.execute(f"ALTER USER takedown_{account} IDENTIFIED BY 'x' ACCOUNT UNLOCK")
        for account in _ACCOUNTS:
            with pytest.raises(mysql.connector.Error) as refused:
                mysql.connector.connect(
                    user=f"takedown_{account}", password="x", unix_socket=str(database.socket), database="images2site"
                )
            assert refused.value.errno == 1044

"""Refuse to migrate a server that is too old or logs statements."""

import pytest

from takedown_db.schema.migrate import MigrationError, judge_server


@pytest.mark.parametrize(
    ("version", "log_bin", "binlog_format", "said"),
    [
        ("10.5.29-MariaDB", 0, "MIXED", "MariaDB 10.6 is the oldest"),
        ("8.0.28", 0, "ROW", "MySQL 8.0.29"),
        ("11.8.2-MariaDB-log", 1, "STATEMENT", "1665"),
    ],
)
def test_servers_that_will_not_do(version: str, log_bin: int, binlog_format: str, said: str) -> None:
    with pytest.raises(MigrationError, match=said):
        judge_server(version, log_bin, binlog_format)


@pytest.mark.parametrize("server", [("10.6.0-MariaDB", 1, "MIXED"), ("8.0.29", 1, "ROW"), ("9.1.0", 0, "STATEMENT")])
def test_servers_that_will_do(server: tuple[str, int, str]) -> None:
    judge_server(*server)

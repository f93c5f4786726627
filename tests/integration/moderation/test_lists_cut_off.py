"""Cut a list off in the middle, by a kill, a signal or a broken connection, and repeat it."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stack.processes.commands import command
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.sites.moderation_desk import Desk

CHUNK = 1000


class RunningList:
    """A command that reads a list from a pipe, which the test fills."""

    def __init__(self, desk: Desk, verb: str, codes: list[str]) -> None:
        environment = {**os.environ, "PURGER_MODERATION_URL": desk.database.url("moderation")}
        arguments = ["--ahead"] if verb == "ban" else []
        self.process = subprocess.Popen(
            [command("purger"), verb, "--from", "-", *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._desk = desk
        self._lines = [f"{code}\n" for code in codes]

    def write(self, number: int) -> None:
        """Write the next lines of the list."""
        assert self.process.stdin is not None
        self.process.stdin.write("".join(self._lines[:number]))
        self.process.stdin.flush()
        del self._lines[:number]

    def end(self, number: int = 0) -> tuple[str, str]:
        """Write the last lines, and return stdout and stderr at the end of the command."""
        return self.process.communicate("".join(self._lines[:number]), timeout=PATIENCE)

    def write_half(self) -> None:
        """Write half a thousand, and wait until it is read.

        By then the command has done with the thousand before: rows are visible before it has the server's answer.
        """
        self.write(CHUNK // 2)
        wait_until(lambda: self._unread() == 0, "the list read")

    def _unread(self) -> int:
        """Return the number of bytes in the pipe."""
        assert self.process.stdin is not None
        return int.from_bytes(fcntl.ioctl(self.process.stdin, termios.FIONREAD, bytes(4)), sys.byteorder)

    def connection(self) -> tuple[int, str]:
        """Return number and statement of the command's connection to the database."""
        ((number, statement),) = connections(self._desk)
        return int(str(number)), str(statement)


def connections(desk: Desk) -> list[tuple[object, ...]]:
    """Return number and statement of each connection of moderation's account."""
    return desk.sql("SELECT id, info FROM information_schema.processlist WHERE user = 'takedown_moderation'")


@contextmanager
def running(desk: Desk, verb: str, codes: list[str]) -> Iterator[RunningList]:
    # The server takes its time to notice that a command before has ended.
    wait_until(lambda: not connections(desk), "the end of the connections before")
    listed = RunningList(desk, verb, codes)
    try:
        yield listed
    finally:
        listed.process.kill()
        listed.process.communicate()


def new_codes(desk: Desk, number: int) -> list[str]:
    prefix = desk.new_owner()
    return [f"{prefix}-{each}" for each in range(number)]


def banned(desk: Desk, codes: list[str]) -> tuple[int, int]:
    """Count the open bans of the codes, and the codes that have one."""
    prefix = codes[0].removesuffix("-0")
    sql = "SELECT COUNT(*), COUNT(DISTINCT subject) FROM bans WHERE subject LIKE %s AND lifted_at IS NULL"
    ((rows, subjects),) = desk.sql(sql, f"{prefix}-%")
    return int(str(rows)), int(str(subjects))


def wait_banned(desk: Desk, codes: list[str], number: int) -> None:
    wait_until(lambda: banned(desk, codes) == (number, number), f"{number} bans")


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_a_list_that_is_cut_off_leaves_whole_thousands_and_is_completed_by_repeating(
    desk: Desk, signal_number: signal.Signals
) -> None:
    codes = new_codes(desk, 2500)
    with running(desk, "ban", codes) as listed:
        listed.write(CHUNK)
        wait_banned(desk, codes, CHUNK)
        listed.write_half()
        listed.process.send_signal(signal_number)
        _, errors = listed.end()
        assert listed.process.returncode == {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 1}[signal_number]
        if signal_number == signal.SIGINT:
            assert "Error: lines 1 to 1,000 are committed (interrupted)" in errors
    assert banned(desk, codes) == (CHUNK, CHUNK)
    desk.sign()
    result = desk.run("ban", "--from", "-", "--ahead", stdin="\n".join(codes))
    assert result.stdout == "banned 1,500 codes; 1,000 banned already\n"
    assert banned(desk, codes) == (2500, 2500)


@pytest.mark.parametrize("verb", ["ban", "lift"])
def test_a_connection_that_breaks_names_the_lines_that_are_committed(desk: Desk, verb: str) -> None:
    codes = new_codes(desk, 2500)
    if verb == "lift":
        desk.sign()
        desk.run("ban", "--from", "-", "--ahead", stdin="\n".join(codes))
    with running(desk, verb, codes) as listed:
        listed.write(CHUNK)
        wait_banned(desk, codes, CHUNK if verb == "ban" else 1500)
        listed.write_half()
        desk.sql(f"KILL {listed.connection()[0]}")
        _, errors = listed.end(1000)
    assert listed.process.returncode == 1
    assert errors.startswith("Error: lines 1 to 1,000 are committed (")
    assert "either all or none" not in errors
    assert f"run again, leaves out those that are {'banned' if verb == 'ban' else 'lifted'} already" in errors
    assert banned(desk, codes) == ((CHUNK, CHUNK) if verb == "ban" else (1500, 1500))


def test_a_thousand_without_an_answer_is_named_as_uncertain(desk: Desk) -> None:
    codes = new_codes(desk, 2500)
    with running(desk, "ban", codes) as listed:
        listed.write(CHUNK)
        wait_banned(desk, codes, CHUNK)
        listed.write_half()
        desk.sql("FLUSH TABLES WITH READ LOCK")  # a write waits, and what it asks before does not
        try:
            listed.write(500)
            wait_until(lambda: listed.connection()[1].startswith("INSERT"), "the INSERT")
            desk.sql(f"KILL {listed.connection()[0]}")
            _, errors = listed.end()
        finally:
            desk.sql("UNLOCK TABLES")
    assert (
        "Error: lines 1 to 1,000 are committed, and of lines 1,001 to 2,000 either all or none (no answer came"
        in errors
    )
    assert banned(desk, codes) in ((CHUNK, CHUNK), (2 * CHUNK, 2 * CHUNK))
    desk.sign()
    desk.run("ban", "--from", "-", "--ahead", stdin="\n".join(codes))
    assert banned(desk, codes) == (2500, 2500)

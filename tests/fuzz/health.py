"""Read the health of a running stack: Varnish's counters, memory of the servers, and alarms in their logs."""

import re
from dataclasses import dataclass

import psutil

from stack.processes.server import Server
from stack.processes.waiting import wait_until
from stack.system import Stack

#: Growth in bytes that is no leak, from a fifth of the run to its end: allocators and caches settle late.
_GROWTH = 12 * 1024 * 1024
_ALARMS = re.compile(
    r"^.*(?:Traceback \(most recent| ERROR | CRITICAL |[Pp]anic|Assert error|Child .* died).*$",
    re.MULTILINE,
)
#: Alarms of a server that waited too long for another one, as on a busy machine: those of the origin about its database
#: and its threads, and those of the purger about database and edge.
_LATE = re.compile(
    r" ERROR .*(?: is (?:unavailable, images are answered 503|un(?:usable|readable|reachable)|too slow|stuck|"
    r"closed to new connections): |requests wait )"
)


@dataclass(frozen=True, slots=True)
class Counters:
    """Counters of varnishd since its start, and of the tables."""

    restarts: tuple[int, ...]  # children started, died, dumped, panicked
    acts: int  # purges and bans
    orders: int  # rows that the door writes: bans, lifts, and purges that ban nothing


class Health:
    """The health of one stack, read again and again."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._count_purges()
        self._read: dict[str, int] = {server.name: len(server.log_text()) for server in stack.servers}

    def settle(self) -> None:
        """Wait until the purger has sent all earlier changes and their rebounds. Raises ``TimeoutError``."""
        waiting = "SELECT COUNT(*) FROM edges, numbering WHERE rebounded < last_batch"
        unnumbered = "SELECT COUNT(*) FROM invalidations WHERE batch IS NULL"
        with self._stack.database.connect_admin() as connection, connection.cursor() as cursor:

            def none_left() -> bool:
                cursor.execute(f"SELECT ({waiting}) + ({unnumbered})")
                return cursor.fetchone() == (0,)

            wait_until(none_left, "all changes rebounded at every edge")

    def _count_purges(self) -> None:
        """Let each purge of tags add a ban that matches nothing: Varnish counts bans, and vmod xkey counts nothing."""
        path = self._stack.edge.vcl.parent / "takedown/purge.vcl"
        text = path.read_text()
        purge = 'var.set_int("removed", xkey.purge(var.get("tags")));'
        counted = f'{purge} std.ban("obj.status == 0");'
        if counted not in text:
            assert text.count(purge) == 1
            path.write_text(text.replace(purge, counted))
            self._stack.edge.reload("counting")

    def counters(self) -> Counters:
        """Read the counters of the edge and of the tables."""
        counters = self._stack.edge.counters()
        restarts = tuple(counters[f"MGT.child_{what}"] for what in ("start", "died", "dump", "panic"))
        return Counters(restarts, counters["MAIN.bans_added"], self._orders())

    def _orders(self) -> int:
        sql = (
            "SELECT (SELECT COUNT(*) + COUNT(lifted_at) FROM bans)"
            " + (SELECT COUNT(*) FROM invalidations WHERE cause = 'resend')"
        )
        with self._stack.database.connect_admin() as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            ((number,),) = cursor.fetchall()
        return int(str(number))

    def memory(self) -> dict[str, int]:
        """Read the resident bytes of each server with its children; the edge's without stored objects."""
        counters = self._stack.edge.counters()
        stored = sum(value for name, value in counters.items() if re.fullmatch(r"SMA\..*\.g_bytes", name))
        edge = _resident(self._stack.edge) - stored
        others = (self._stack.origin, self._stack.purger, self._stack.door)
        return {"edge": edge} | {server.name: _resident(server) for server in others if server}

    def alarms(self) -> list[str]:
        """Return the lines that report a fault, in the logs of origin, edge, purger and door since the last call."""
        found = []
        servers = (self._stack.origin, self._stack.edge, self._stack.purger, self._stack.door)
        for server in filter(None, servers):
            text = server.log_text()
            new, self._read[server.name] = text[self._read[server.name] :], len(text)
            found += [f"{server.name}'s log: {line}" for line in _ALARMS.findall(new)]
        return found


def is_late(alarm: str) -> bool:
    """Tell whether an alarm says no more than that a server was late, which a busy machine can cause once."""
    return bool(_LATE.search(alarm)) and "Traceback" not in alarm


def grown(before: dict[str, int], after: dict[str, int]) -> list[str]:
    """Name the servers whose memory grew by more than a bound between two readings."""
    return [
        f"{name} grew from {before[name] >> 20} to {after[name] >> 20} MB"
        for name in before
        if after[name] - before[name] > max(_GROWTH, before[name] // 10)
    ]


def _resident(server: Server) -> int:
    assert server.process is not None
    parent = psutil.Process(server.process.pid)
    return sum(int(process.memory_info().rss) for process in [parent, *parent.children(recursive=True)])

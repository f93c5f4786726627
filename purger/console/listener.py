"""Runs the console's HTTP server in threads of its own, beside the purger and never in its way."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from purger.console.app import ConsoleApp
from purger.console.database import Databases
from purger.console.overview_page import OverviewPage
from purger.console.state.image_views import ImageViews
from purger.console.state.watch import FleetWatch
from purger.console.users.access import Access
from purger.console.users.settings import ConsoleSettings
from purger.console.web import LARGEST_FORM
from takedown_base.http.server import HttpServer
from takedown_db.connection.lasting_connection import Connection

log = logging.getLogger(__name__)

#: A WSGI application.
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

#: The rest of a thread after each answer, as a multiple of the processor time that it took, and the longest rest in
#: seconds: all threads take a fifth of a core at most. Four clients that load pages without a rest would otherwise take
#: the interpreter from deliveries: a ban took 17 ms instead of 5 on a machine of two cores.
_RESTS, _LONGEST_REST = 19, 0.5

#: Seconds between two tries for a port that is taken.
_RETRY = 5.0


class _ServerSettings(NamedTuple):
    """The settings of the console's server; times in seconds."""

    threads: int = 4
    keep_alive: int = 5
    stall: int = 5
    headers: tuple[tuple[str, str], ...] = ()


class _Server(HttpServer):
    keep_alive_conn_limit = 100
    max_request_body_size = LARGEST_FORM

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Log an error of cheroot, as a warning at most."""
        log.log(min(level, logging.WARNING), "console: %s", msg, exc_info=traceback)


def paced(app: Application) -> Application:
    """Return the application that rests after each answer before it sends it."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        began = time.thread_time()
        body = app(environ, start_response)
        time.sleep(min(_LONGEST_REST, _RESTS * (time.thread_time() - began)))
        return body

    return answer


class ConsoleListener(threading.Thread):
    """The console: its server, its watch, and all that they use."""

    def __init__(self, settings: ConsoleSettings, database_url: str, database_timeout: int) -> None:
        super().__init__(name="console", daemon=True)
        self._settings = settings
        self._halt = threading.Event()
        self._databases = Databases(database_url, settings.moderation_url, database_timeout)
        self._watch = FleetWatch(Connection(database_url, timeout=database_timeout), self._halt)
        self._views = ImageViews()
        self._server: _Server | None = None
        self._app = ConsoleApp(
            Access(settings),
            OverviewPage(self._watch, moderation=self._databases.moderates),
            self._databases,
            self._views,
        )

    def run(self) -> None:
        """Serve until stopped. A port that is taken is tried again: the purger goes on without a console."""
        self._watch.start()
        complained = False
        while not self._halt.is_set():
            try:
                self._serve()
            except OSError as error:
                if not complained:
                    log.error("the console cannot listen on %s: %s", self._settings.listen, error.strerror or error)
                complained = True
            except Exception:
                log.exception("the console failed, and begins again; deliveries go on")
            self._halt.wait(_RETRY)

    def stop(self) -> None:
        """End within about a second. The threads are daemons: one that hangs ends with the process."""
        self._halt.set()
        server = self._server
        if server is not None:
            threading.Thread(target=server.stop, name="console stopping", daemon=True).start()
        self.join(2)
        self._views.close()
        self._databases.close()

    def _serve(self) -> None:
        server: Any = _Server(paced(self._app), self._settings.listen, _ServerSettings(), share_port=False)
        server.prepare()
        self._server = server
        self._app.origins = self._settings.origins(int(server.bind_addr[1]))
        log.info("console on %s", ", ".join(sorted(self._app.origins)))
        if self._halt.is_set():
            server.stop()
            return
        server.serve()

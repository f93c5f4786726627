"""Read one image after another through an edge, and record the states that it shows."""

import threading
from collections import deque
from collections.abc import Sequence
from random import Random

import requests

from stack.edges.edge import Edge
from tests.chaos.history import History, Other, Read, State, clock
from tests.chaos.pictures.distinct_images import RENDITIONS, Catalogue
from tests.chaos.pictures.site_pictures import PREFIX, url_of

#: Timeout of a read in seconds, for the first byte and between two: an edge may be frozen for longer than any bound.
_TIMEOUT = 12.0


class Reader(threading.Thread):
    """A client with one connection and a bounded rate."""

    def __init__(
        self,
        edge: Edge,
        codes: Sequence[str],
        hot: deque[str],
        catalogue: Catalogue,
        history: History,
        random: Random,
        rate: float,
    ) -> None:
        super().__init__(name=f"reader at {edge.edge_name}", daemon=True)
        self._edge = edge
        self._codes = codes
        self._hot = hot  # codes that moderators changed last: their reads find most violations
        self._catalogue = catalogue
        self._history = history
        self._random = random
        self._pause = 1 / rate
        self._halt = threading.Event()
        # The cache of a browser: by path, entity tag and version, and Last-Modified and version.
        self._tags: dict[str, tuple[str, State]] = {}
        self._dates: dict[str, tuple[str, State]] = {}
        self._session = requests.Session()

    def stop(self) -> None:
        """End after the current read."""
        self._halt.set()

    def run(self) -> None:
        """Read until stopped."""
        while not self._halt.wait(self._pause * self._random.uniform(0.5, 1.5)):
            hot = list(self._hot)
            codes = hot if hot and self._random.random() < 0.5 else self._codes
            self.read(
                self._random.choice(codes),
                self._random.choice(list(RENDITIONS)),
                conditional=self._random.random() < 0.25,
            )
        self._session.close()

    def read(self, code: str, rendition: str, *, conditional: bool = False) -> Read:
        """Read a rendition and record its state. A 304 stands for the version whose tag or date was sent."""
        path = url_of(code, rendition)
        sent = clock()
        dates_count = sent >= self._history.dates_count_from
        if not dates_count:
            self._dates.clear()
        dates_count &= not code.startswith(PREFIX)  # the date of a site's file is its server's, to a second
        name, known = self._random.choice([("If-None-Match", self._tags), ("If-Modified-Since", self._dates)])
        condition, held = known.get(path, ("", 0)) if conditional else ("", 0)
        status: int | None = None
        saw: State | Other
        try:
            answer = self._session.get(
                self._edge.url + path, headers={name: condition} if condition else None, timeout=_TIMEOUT
            )
            status = answer.status_code
            if status == 304 and condition:
                saw = held
            else:
                saw = self._catalogue.recognise(code, rendition, status, answer.content)
                if isinstance(saw, int):
                    for header, memory in (("ETag", self._tags), ("Last-Modified", self._dates)):
                        memory.pop(path, None)
                        if header in answer.headers and (dates_count or memory is not self._dates):
                            memory[path] = (answer.headers[header], saw)
        except requests.RequestException:
            saw = Other.FAILED
        shown = f"{path} with {name}" if condition else path
        read = Read(self._edge.edge_name, code, shown, sent, clock(), saw, status)
        self._history.add_read(read)
        return read

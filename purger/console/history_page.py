"""Shows all bans and lifts, by pages, and finds those of a person, for a reason, or of a day."""

from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from purger.console.access import Visitor
from purger.console.database import Databases
from purger.console.log_groups import LogFilter
from purger.console.takedowns import read_older
from purger.console.templating import render
from purger.console.web import Answer, page, read_query
from purger.probing.targets import edges_to_probe

#: Characters of the longest name or reason.
_LONGEST = 255


class HistoryPage:
    """The page ``/takedowns?person=...&reason=...&day=...``."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def show(self, environ: dict[str, Any], visitor: Visitor) -> Answer:
        """Answer a page of the takedowns that the query asks for."""
        asked = {name: read_query(environ, name).strip()[:_LONGEST] for name in ("person", "reason", "day")}
        before = read_query(environ, "before")
        with self._databases.reading() as connection:
            edges = len(edges_to_probe(connection))
            found = read_older(connection, edges, _filter(**asked), int(before) if _is_id(before) else None)
        older = {**{name: text for name, text in asked.items() if text}, "before": found.before}
        link = f"/takedowns?{urlencode(older)}" if found.before else ""
        return page(render("history", visitor=visitor, asked=asked, found=found.listed, older=link))


def _filter(person: str, reason: str, day: str) -> LogFilter:
    """Make the filter. A day begins at midnight UTC; a text that is none keeps all."""
    try:
        begin = datetime.combine(date.fromisoformat(day), time())
        end = begin + timedelta(days=1)
    except (ValueError, OverflowError):
        return LogFilter(person=person or None, reason=reason or None)
    return LogFilter(person=person or None, reason=reason or None, since=begin, until=end)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20

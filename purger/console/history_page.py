"""Shows all bans and lifts, by pages, and finds those of a person, for a reason, or of a day."""

from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from purger.console.state.log_groups import LogFilter
from purger.console.state.takedowns import read_older
from purger.console.templating import render
from purger.console.web import Answer, Request, page
from purger.probing.targets import edges_to_probe

#: Characters of the longest name or reason.
_LONGEST = 255


def show(request: Request) -> Answer:
    """Answer ``/takedowns?person=...&reason=...&day=...``: a page of the takedowns that the query asks for."""
    asked = {name: request.query(name).strip()[:_LONGEST] for name in ("person", "reason", "day")}
    with request.databases.reading() as connection:
        edges = len(edges_to_probe(connection))
        found, older = read_older(connection, edges, _filter(**asked), request.number("before"))
    query = {**{name: text for name, text in asked.items() if text}, "before": older}
    link = f"/takedowns?{urlencode(query)}" if older else ""
    return page(render("history", visitor=request.visitor, asked=asked, found=found, older=link))


def _filter(person: str, reason: str, day: str) -> LogFilter:
    """Make the filter. A day begins at midnight UTC; a text that is none keeps all."""
    try:
        begin = datetime.combine(date.fromisoformat(day), time())
        end = begin + timedelta(days=1)
    except (ValueError, OverflowError):
        return LogFilter(person=person or None, reason=reason or None)
    return LogFilter(person=person or None, reason=reason or None, since=begin, until=end)

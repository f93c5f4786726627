"""Puts the members of leaves into plain English for the page that is printed: times, subjects, acts and answers."""

from datetime import datetime

from takedown_log.findings import EdgeFinding, Event
from takedown_log.report import ERASED

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

_SCOPES = {
    "image": "the image with the code {}",
    "owner": "all images of the owner {}",
    "digest": "all images whose original file has the SHA-256 {}",
}

_ACTS = {
    "ban": "Order to take down",
    "lift": "End of the order",
    "unban": "Deletion of the order",
    "change": "Change in the record of the order",
    "move": "Change of the image's owner or code",
}

_METHODS = {
    "purge": "removed this image",
    "ban": "removed all that the order names",
    "flush": "emptied its whole store",
}


def moment(text: str) -> str:
    """Write a time of a leaf, such as ``2026-11-26T12:00:00.000001Z``, for people. Another text stays as it is."""
    at = _parsed(text)
    if at is None:
        return text
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M:%S}.{at.microsecond // 1000:03d} UTC"


def seconds_after(begin: str, end: str) -> str:
    """Write the seconds from one time to another; nothing where there are none to tell, or two clocks contradict."""
    first, last = _parsed(begin), _parsed(end)
    if first is None or last is None or last < first:
        return ""
    seconds = (last - first).total_seconds()
    return f"{seconds:.3f} seconds after the order" if seconds < 600 else ""


def subject(event: Event) -> str:
    """Write the subject of an act in words."""
    named = ERASED if event.subject is None else event.subject
    return _SCOPES.get(event.scope, f"{event.scope} {{}}").format(named)


def act(event: Event) -> str:
    """Name an act of moderation."""
    return _ACTS.get(event.action, f"Entry “{event.action}”")


def method(finding: EdgeFinding) -> str:
    """Write how an edge carried out a purge."""
    return _METHODS.get(finding.method or "", finding.method or "")


def seen(finding: EdgeFinding) -> str:
    """Write the answer to a request from outside."""
    if finding.gone is False:
        return "The image was still shown."
    if not finding.gone:
        return f"Nothing is proven{f': {finding.note}' if finding.note else ': nobody has looked'}."
    status = f" (status {finding.status})" if finding.status is not None else ""
    if finding.images is None:
        return f"A notice in its place{status}: the image is gone."
    return f"{finding.looked} of {finding.images} images were requested; each was gone{status}."


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        return None

"""Judge the door's answers: what each says was done, and what it may not say."""

import json
import re
from contextlib import suppress
from typing import Any

from tests.fuzz.answer_parser import Answer
from tests.fuzz.case import TOKEN, Case
from tests.fuzz.door_requests import MOST_PURGED, READER
from tests.fuzz.raw_exchange import Exchange

#: The fields for a token, which no answer quotes.
_PLACED = re.compile(rb"\n(?:Authorization: Bearer|AccessKey:) " + TOKEN)

#: Said of a purge of several URLs of which some show no image.
_IN_PART = b"the others are purged"


def ordered(answer: Answer) -> int:
    """Return the number of bans, lifts and purges that an answer of the door says were written."""
    content = _content(answer)
    if answer.status not in (200, 202) or b"idempotency-replayed" in answer.headers:
        return 0
    if purged := content.get("purged"):
        return len(purged)
    if b"location" not in answer.headers:
        return 0
    # 200 of an order that waited has the state; 200 of a lift, which has none, says that it was lifted before.
    return int(answer.status == 202 or "state" in content)


def unsaid(case: Case, found: list[Answer], seen: Exchange) -> int:
    """Return the largest number of bans, lifts and purges that were written, and that no answer counts."""
    lost = case.data.count(TOKEN) if seen.reset else 0
    return MOST_PURGED * (lost + sum(_IN_PART in answer.body for answer in found))


def token_is_elsewhere(case: Case) -> bool:
    """Tell whether the token is also in a part of a request that an answer may quote, such as a media type."""
    return len(_PLACED.findall(case.data)) < case.data.count(TOKEN)


def judge_door(case: Case, found: list[Answer]) -> list[tuple[str, str]]:
    """Judge the door's answers to a case: without its token nothing was done, and without any nothing was shown."""
    faults = [
        ("foreign", f"{answer.status} with {answer.headers.get(b'content-type')!r}")
        for answer in found
        if answer.headers.get(b"content-type") not in (b"application/json", b"application/problem+json")
    ]
    if TOKEN not in case.data and any(map(ordered, found)):
        faults.append(("authorised", f"{[answer.status for answer in found]} without the token"))
    if TOKEN not in case.data and READER not in case.data:
        # The description is for all. An answer to HEAD has no body.
        shown = [
            answer for answer in found if answer.status < 400 and answer.body and "openapi" not in _content(answer)
        ]
        faults += [("authorised", f"{answer.status} without a token: {answer.body[:80]!r}") for answer in shown]
    return faults


def _content(answer: Answer) -> dict[str, Any]:
    with suppress(ValueError):
        content = json.loads(answer.body)
        if isinstance(content, dict):
            return content
    return {}

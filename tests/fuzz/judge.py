"""Judge one exchange by itself, by rules that hold for the answers to any bytes."""

import hashlib
import re
from dataclasses import dataclass

from tests.fuzz.answer_parser import Answer, GarbledError, parse_answers
from tests.fuzz.case import TOKEN, Case, Target
from tests.fuzz.command_counter import count_commands
from tests.fuzz.door_judge import judge_door, ordered, token_is_elsewhere, unsaid
from tests.fuzz.raw_exchange import Exchange

#: Statuses that blame the request: an unknown transfer coding and an unknown version (RFC 9110, section 15.6).
_ABOUT_THE_REQUEST = (501, 505)

#: Numbers of header lines at which Varnish may answer 500 or 503 without the VCL: with its own headers the request
#: exceeds http_max_hdr (128). Observed with 117 to 121 lines.
_NO_ROOM = range(112, 129)
#: Kinds that a busy machine can cause once; a fault causes them again.
PASSING = ("503", "hangs")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answers of one exchange, and its faults as (kind, sentence)."""

    answers: list[Answer]
    faults: list[tuple[str, str]]
    unanswered: int = 0  # commands that may have taken effect, and no answer says so

    @property
    def acts(self) -> range:
        """Return the possible numbers of commands and orders that took effect, by the answers."""
        said = sum(_purged(answer) or _banned(answer) or ordered(answer) for answer in self.answers)
        return range(said, said + self.unanswered + 1)


def judge(case: Case, seen: Exchange, token: str) -> Verdict:
    """Judge the answers to a case."""
    faults = []
    if not seen.ended:
        faults.append(("hangs", "the connection was still open after 30 s"))
    if token.encode() in seen.received and not (case.target is Target.DOOR and token_is_elsewhere(case)):
        faults.append(("token", "the token is in the answer"))
    if b"Traceback (most recent call" in seen.received:
        faults.append(("traceback", "a traceback is in the answer"))
    try:
        found = parse_answers(seen.received)
    except GarbledError as error:
        return Verdict([], [*faults, ("garbled", str(error))])
    for answer in found:
        faults += _judge_answer(answer, seen)
    if case.target in (Target.EDGE, Target.PURGE) and _leaves_no_room(case):
        faults = [fault for fault in faults if fault[0] not in ("500", "503")]
    if case.most_answers is not None and len(found) > case.most_answers:
        statuses = ", ".join(str(answer.status) for answer in found)
        faults.append(("smuggled", f"{len(found)} answers ({statuses}) to a request whose end is in doubt"))
    if case.target is Target.PURGE:
        faults += _judge_commands(case, found, token)
    if case.target is Target.DOOR:
        faults += judge_door(case, found)
        return Verdict(found, faults, unsaid(case, found, seen))
    lost = seen.reset and case.target is Target.PURGE
    return Verdict(found, faults, count_commands(b"".join(case.parts(token)), token) if lost else 0)


def _leaves_no_room(case: Case) -> bool:
    return any(block.count(b"\n") in _NO_ROOM for block in re.split(rb"\n\r?\n", case.data))


def _judge_answer(answer: Answer, seen: Exchange) -> list[tuple[str, str]]:
    faults = []
    if answer.status >= 500 and answer.status not in _ABOUT_THE_REQUEST:
        faults.append((str(answer.status), f"{answer.status} {answer.reason!r}: {answer.body[:80]!r}"))
    if answer.cut and seen.ended and not seen.reset:
        faults.append(
            ("cut", f"the body ended after {len(answer.body)} of {answer.headers[b'content-length']!r} bytes")
        )
    if answer.status == 200 and answer.headers.get(b"content-type", b"").startswith(b"image/") and answer.body:
        tag = answer.headers.get(b"etag", b"").strip(b'"').decode("latin-1")
        if not answer.cut and hashlib.sha256(answer.body).hexdigest() != tag:
            faults.append(("foreign", f"the image's bytes are not those of its ETag {tag!r}"))
    return faults


def _judge_commands(case: Case, found: list[Answer], token: str) -> list[tuple[str, str]]:
    if TOKEN not in case.data:
        other = [answer.status for answer in found if answer.status < 400]
        return [("authorised", f"{other} without the token")] if other else []
    wellformed = count_commands(b"".join(case.parts(token)), token)
    done = sum(answer.status == 200 for answer in found)
    if done > wellformed:
        return [("acted", f"{done} requests were carried out, and {wellformed} were well-formed commands")]
    return []


def _purged(answer: Answer) -> bool:
    return answer.status == 200 and b"takedown-removed" in answer.headers


def _banned(answer: Answer) -> bool:
    return answer.status == 200 and answer.body.startswith(b"Banned ")

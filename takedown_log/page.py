"""Writes a page to print, for a court or an auditor, from a proof that was checked. It tells no more than the proof."""

import shlex
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from html import escape
from importlib import resources
from string import Template

from takedown_log.findings import Act, ActFinding, EdgeFinding
from takedown_log.proof import VerifiedProof
from takedown_log.report import ERASED, Checked, one_line

#: The limits of every proof of this kind, on each page.
_NEVER = (
    "Copies that browsers, search engines and other sites made before are not reached by an order, and nothing is said "
    "about them.",
    "A test request shows what one server answered at one moment. What it answered at other moments is not proven.",
    "The log names the servers that its operator told it of. That there are no others is not proven.",
    "That the operator chose all entries about the subject is the operator's signed statement. The check finds entries "
    "that were taken out afterwards, and none that were never chosen.",
    "The log tells what was ordered and what happened then. Whether the order was right is not its subject.",
)

#: Facts for machines, in another typeface.
_RAW = {"Root", "SHA-256 of the file", "Public key"}

_CLOCKS = "Times are in UTC, by the clock of the database. The proof does not tell whether that clock was right."

_WORDS = (
    ("Server", "a machine that keeps copies of images and sends them to the public (also: edge, cache)."),
    (
        "Log",
        "a list to which entries are only added. A change of any entry changes the number that is called the root.",
    ),
    ("Checkpoint", "the number of entries and the root at one moment, signed with the operator's secret key."),
    ("Public key", "the text with which everybody can check what was signed with the secret key."),
    ("SHA-256", "a number that is computed from a file. Two different files never have the same one in practice."),
)


def write_page(checked: Checked, *, key: str, name: str, content: bytes, at: datetime) -> str:
    """Write the page as HTML, without scripts and outside resources.

    ``name`` and ``content`` are those of the file that was checked with the public key ``key``, ``at`` (UTC) is now.
    Raises ``ValueError`` unless it is a proof of takedowns.
    """
    proof = checked.proof
    if proof is None:
        raise ValueError("only the file of a proof has a page, and this is a state of the log")
    parts = [
        f"<h1>Proof of takedown: {_text(proof.about)}</h1>",
        *_summary(proof, checked.story),
        *(part for number, entry in enumerate(checked.story, 1) for part in _event(number, entry)),
        *_never(),
        *_log(checked, proof),
        *_how_to_check(key, name, content),
        *_words(),
    ]
    footer = (
        f"<p>Made on {_text(moment(at.isoformat()))} from the file named above, after it was checked. This page is a "
        "reading of that file. Anybody could print a page like this one; the evidence is the file.</p>"
    )
    skeleton = Template(resources.files("takedown_log").joinpath("page.html").read_text(encoding="utf-8"))
    return skeleton.substitute(title=f"Proof of takedown: {_text(proof.about)}", main="\n".join(parts), footer=footer)


def _text(value: str) -> str:
    return escape(one_line(value))


def _summary(proof: VerifiedProof, story: tuple[ActFinding, ...]) -> Iterator[str]:
    lacking = sum(len(entry.lacking()) for entry in story)
    if lacking:
        points = "one point is" if lacking == 1 else f"{lacking} points are"
        head = f"The file is signed with the key named below. Not everything is proven: {points} missing."
        rest = "They are named below, each under the order that it belongs to."
    else:
        head = "The file is signed with the key named below, and nothing is missing."
        rest = (
            "Every server of the log confirmed each order, and was seen afterwards to follow each order to take down."
        )
    yield f'<div class="state{" open" if lacking else ""}"><strong>{head}</strong>{rest}</div>'
    yield (
        f"<p>The operator has signed that this is all that the log <b>{_text(proof.checkpoint.origin)}</b> tells of "
        f"<b>{_text(proof.about)}</b>, as it stood on {_text(moment(proof.made_at))}. Later events are not in it"
        f"{', nor are other orders about the same images' if proof.about.startswith('ban ') else ''}.</p>"
    )
    yield "<ol>"
    yield from (f"<li>{_in_short(entry)}</li>" for entry in story)
    yield "</ol>"
    yield f"<p>{_text(_in_force(story))}</p>"


def _in_force(story: tuple[ActFinding, ...]) -> str:
    """Say which orders are in force at the end of the log."""
    last = {entry.event.ban: entry.event.action for entry in story if entry.event.action in ("ban", "lift", "unban")}
    standing = [str(ban) for ban, action in last.items() if action == "ban"]
    ended = [str(ban) for ban, action in last.items() if action != "ban"]
    if not standing:
        return "None of these orders is in force at the end of the log: the images may be shown again."
    text = f"In force at the end of the log: order {', '.join(standing)}."
    return f"{text} Ended before: order {', '.join(ended)}." if ended else text


def _in_short(entry: ActFinding) -> str:
    event, edges = entry.event, entry.edges
    text = f"{moment(event.at)}. {act(event)}: {subject(event)}."
    if not edges:
        return _text(f"{text} No server had to be told.")
    confirmed = [each.acknowledged_at for each in edges if each.acknowledged_at]
    text += f" {len(confirmed)} of {_servers(len(edges))} confirmed it"
    if confirmed and (after := seconds_after(event.at, max(confirmed))):
        text += f", the last {after}"
    if event.action == "ban":
        gone = sum(1 for each in edges if each.gone and not each.in_part)
        text += f"; at {gone} of {len(edges)} a test request from outside saw it gone"
    return _text(f"{text}.")


def _servers(count: int) -> str:
    return "1 server" if count == 1 else f"{count} servers"


def _event(number: int, entry: ActFinding) -> Iterator[str]:
    event = entry.event
    yield f"<h2>{number}. {_text(act(event))}</h2>"
    by = event.person or ("no name was given" if event.person is not None else ERASED)
    yield from _facts(
        f"Entry {number} of the log on this subject",
        (
            ("About", subject(event)),
            ("When", moment(event.at)),
            ("By", f"{by} (a name that the moderator's program wrote)"),
            ("Database account", event.account if event.account is not None else ERASED),
            ("Reason", ERASED if event.grounds is None else event.grounds or "none was given"),
            *((("Order number", str(event.ban)),) if event.ban is not None else ()),
        ),
    )
    yield from _missing(entry.lacking())
    if entry.edges:
        yield from _edges(entry)
    else:
        yield "<p>This entry changed nothing that servers show, so none was told.</p>"


def _facts(caption: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f'<table class="facts"><caption>{_text(caption)}</caption><tbody>'
    for name, value in rows:
        raw = ' class="raw"' if name in _RAW else ""
        yield f'<tr><th scope="row">{_text(name)}</th><td{raw}>{_text(value)}</td></tr>'
    yield "</tbody></table>"


def _missing(lines: tuple[str, ...]) -> Iterator[str]:
    if lines:
        yield '<div class="missing"><h3>Not proven</h3><ul>'
        yield from (f"<li>{_text(line)}</li>" for line in lines)
        yield "</ul></div>"


def _edges(entry: ActFinding) -> Iterator[str]:
    looked = entry.event.action == "ban"
    heads = ["Server", "Confirmed", "What it did", *(["Seen from outside", "What was seen"] if looked else [])]
    caption = "Each server that showed images when this was ordered"
    yield f'<table class="servers"><caption>{caption}</caption><thead><tr>'
    yield from (f'<th scope="col">{head}</th>' for head in heads)
    yield "</tr></thead><tbody>"
    for each in entry.edges:
        cells = [_when(entry, each.acknowledged_at, "not confirmed"), _text(method(each))]
        if looked:
            cells += [_when(entry, each.seen_at, "not seen"), _text(seen(each))]
        yield f'<tr><th scope="row">{_text(each.edge)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
    yield "</tbody></table>"


def _when(entry: ActFinding, at: str | None, otherwise: str) -> str:
    if at is None:
        return f"<b>{otherwise}</b>"
    after = seconds_after(entry.event.at, at)
    return _text(moment(at)) + (f'<br><span class="soft">{_text(after)}</span>' if after else "")


def _never() -> Iterator[str]:
    yield "<h2>What no page of this kind proves</h2><ul>"
    yield from (f"<li>{_text(line)}</li>" for line in _NEVER)
    yield f"</ul><p>{_text(_CLOCKS)}</p>"


def _log(checked: Checked, proof: VerifiedProof) -> Iterator[str]:
    state = proof.checkpoint
    yield "<h2>The log</h2>"
    rows = [
        ("Name", state.origin),
        ("Entries", f"{state.size}, of which {len(proof.hashes)} are in the file"),
        ("Root", state.root.hex()),
    ]
    rows += [("Witness", f"{name} saw this state on {moment(at.isoformat())}") for name, at in checked.witnessed]
    rows += [("Own checkpoint", f"the reader's checkpoint of {each.size} entries agrees") for each in checked.held]
    yield from _facts("State of the log from which the file was taken", rows)
    if not (checked.witnessed or checked.held):
        yield (
            "<p>Nobody but the operator vouches for this state here. An operator could rewrite the log, or keep two. "
            "Whoever has received a checkpoint of this log earlier can find that out.</p>"
        )


def _how_to_check(key: str, name: str, content: bytes) -> Iterator[str]:
    digest = sha256(content).hexdigest()
    yield "<h2>How to check this page</h2>"
    yield (
        "<p>Ask for the file that belongs to this page, and for the public key from a place that the operator cannot "
        "change for you alone, such as a contract or a newspaper. Then run one of these commands, on any computer and "
        "without a network. Each prints VALID and the facts above, or says what was changed.</p>"
    )
    yield from _facts("File and public key", (("File", name), ("SHA-256 of the file", digest), ("Public key", key)))
    for program in ("purger verify", "python -m takedown_log"):
        yield f'<pre class="raw">{_text(f"{program} {shlex.quote(name)} --key {key}")}</pre>'


def _words() -> Iterator[str]:
    yield "<h2>Words</h2><dl>"
    yield from (f"<dt>{_text(word)}</dt><dd>{_text(meaning)}</dd>" for word, meaning in _WORDS)
    yield "</dl>"


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
    "purge": "removed all that the order names",
    "flush": "emptied its whole store",
}


def moment(text: str) -> str:
    """Write a time of a leaf, such as ``2026-11-26T12:00:00.000001Z``, for people. Any other text stays as it is."""
    at = _parsed(text)
    if at is None:
        return text
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M:%S}.{at.microsecond // 1000:03d} UTC"


def seconds_after(begin: str, end: str) -> str:
    """Write the seconds from one time to another; nothing if one is no time, or the clocks contradict each other."""
    first, last = _parsed(begin), _parsed(end)
    if first is None or last is None or last < first:
        return ""
    seconds = (last - first).total_seconds()
    return f"{seconds:.3f} seconds after the order" if seconds < 600 else ""


def subject(event: Act) -> str:
    """Write the subject of an act in words."""
    named = ERASED if event.subject is None else event.subject
    return _SCOPES.get(event.scope, f"{event.scope} {{}}").format(named)


def act(event: Act) -> str:
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

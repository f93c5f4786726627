"""Finds in the leaves of a proof who ordered a takedown, when each edge acknowledged it, and when the image was gone.

It decides only by the leaves, which ``leaves`` describes, and in this way:

1. Each act of moderation names the batch that carried it to the edges, and that batch the list of edges in force.
2. Each edge of the list must have acknowledged the batch: a receipt covers the batches from its first to its last.
3. For a ban, a probe of the act's row at each edge must have seen the image gone. After the last probe that got the
   image, the first one that saw most of the images gone counts.

A leaf that was left out or contradicts another one makes the proof invalid. What is missing otherwise is named as not
proven.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from takedown_log.leaves import RECEIPTS, fault
from takedown_log.proof import ProofError, VerifiedProof

_Leaf = Mapping[str, Any]

_NOTHING: _Leaf = {}

#: By how much what an edge did may seem to be before its cause: two clocks never agree quite.
_CLOCKS_AGREE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Act:
    """An act of moderation, as the database's trigger noted it. A value that was erased is None. Times are UTC."""

    action: str  # ban, lift, unban (its row was deleted), change, or move: the image got another owner or code
    at: str
    batch: int | None  # the batch that carried it to the edges; None: it changed nothing that edges show
    row: int | None  # the row of the outbox
    ban: int | None  # the id of the ban
    scope: str
    subject: str | None
    account: str | None  # the database user of the session
    banned_by: str | None  # a name that moderation wrote
    reason: str | None
    lifted_by: str | None = None  # of a ban that was lifted by then, likewise
    lift_reason: str | None = None

    @property
    def person(self) -> str | None:
        """The name that moderation wrote with this act."""
        return self.lifted_by if self.action == "lift" else self.banned_by

    @property
    def grounds(self) -> str | None:
        """The reason that moderation wrote with this act."""
        return self.lift_reason if self.action == "lift" else self.reason


@dataclass(frozen=True, slots=True)
class EdgeFinding:
    """Whether one edge has acknowledged an act, and what a request to its public listener showed afterwards."""

    edge: str
    acknowledged_at: str | None = None  # by the database's clock
    method: str | None = None
    instance: str | None = None  # the varnishd process
    seen_at: str | None = None  # when a probe saw it gone or shown
    status: int | None = None
    gone: bool | None = None  # None: nobody has probed it, or the answer proved nothing
    looked: int | None = None  # of an owner or digest: images that were requested
    images: int | None = None  # and all that existed
    note: str | None = None  # why an answer proved nothing

    @property
    def in_part(self) -> bool:
        """Tell whether only a part of the images of a banned owner or digest was seen gone."""
        return bool(self.gone) and self.images is not None and (self.looked or 0) < self.images


@dataclass(frozen=True, slots=True)
class ActFinding:
    """An act with the finding of each edge that existed when its batch was numbered."""

    event: Act
    edges: tuple[EdgeFinding, ...]
    clocks_contradict: bool = False  # its times, and that of the act before, are in another order than what happened

    def lacking(self) -> tuple[str, ...]:
        """Name what is not proven of this act, a sentence each."""
        lines = [f"{each.edge} has not acknowledged it." for each in self.edges if not each.acknowledged_at]
        if self.event.action == "ban":
            lines += filter(None, map(_not_seen, self.edges))
        lines += _one_server(self.edges)
        if self.clocks_contradict:
            lines.append("The clocks of this record contradict each other: the order is proven, and no time is.")
        return tuple(lines)


def _one_server(edges: Sequence[EdgeFinding]) -> Iterator[str]:
    """Name edges that one server has acknowledged for: whatever else these names mean heard of nothing."""
    names = defaultdict[str, list[str]](list)
    for each in edges:
        if each.instance:
            names[each.instance].append(each.edge)
    for same in names.values():
        if len(same) > 1:
            yield f"{', '.join(same)} are one server: any other one that these names mean has not acknowledged it."


def find(verified: VerifiedProof) -> tuple[ActFinding, ...]:
    """Put the leaves of a proof together: one finding for each act, in the order of the log.

    Raises ``ProofError`` where they contradict each other, such as a receipt of an edge that did not exist then.
    """
    leaves: Mapping[str, _Leaf] = verified.leaves
    answers: dict[str, list[_Leaf]] = defaultdict(list)
    for index, leaf in leaves.items():
        if str(leaf.get("kind")) in RECEIPTS:
            answers[leaf["edge"]].append(leaf)
        elif words := fault(leaf):
            raise ProofError(f"leaf {index} is malformed: {words}")
    _check_edges(leaves)
    _check_order(leaves)
    acts = [_act_finding(index, leaf, verified.hashes, leaves, answers) for index, leaf in _of_kind(leaves, "event")]
    by_id = sorted((leaf["event"], leaf["at"]) for _, leaf in _of_kind(leaves, "event"))
    wrong = {then for (_, before), (_, then) in pairwise(by_id) if _contradict(before, then)}
    return tuple(
        replace(
            act, clocks_contradict=act.event.at in wrong or any(_contradict(act.event.at, at) for at in _times(act))
        )
        for act in acts
    )


def _not_seen(finding: EdgeFinding) -> str | None:
    if finding.gone is False:
        return f"{finding.edge} showed the image at {finding.seen_at}."
    if not finding.gone:
        return f"Nobody saw it gone at {finding.edge}{f': {finding.note}' if finding.note else ''}."
    if finding.in_part:
        return f"At {finding.edge} {finding.looked} of {finding.images} images were seen gone, and the others not."
    return None


def _times(act: ActFinding) -> Iterator[str]:
    """Yield when edges acknowledged an act, and when they were probed."""
    for each in act.edges:
        yield from filter(None, (each.acknowledged_at, each.seen_at))


def _contradict(first: str, then: str) -> bool:
    """Tell whether a time (UTC) that comes after another one names a moment before it, or is no time."""
    try:
        return datetime.fromisoformat(then) < datetime.fromisoformat(first) - _CLOCKS_AGREE
    except (ValueError, TypeError):
        return True


def _act_finding(
    index: str,
    leaf: _Leaf,
    hashes: Mapping[str, str],
    leaves: Mapping[str, _Leaf],
    answers: Mapping[str, Sequence[_Leaf]],
) -> ActFinding:
    event = Act(
        str(leaf["action"]),
        str(leaf["at"]),
        leaf.get("batch"),
        leaf.get("row"),
        leaf.get("ban"),
        str(leaf["scope"]),
        *(leaf.get(name) for name in ("subject", "account", "banned_by", "reason", "lifted_by", "lift_reason")),
    )
    if event.batch is None:
        return ActFinding(event, ())
    batch = next((each for _, each in _of_kind(leaves, "batch") if each["batch"] == event.batch), None)
    if batch is None:
        raise ProofError(f"leaf {index} was told in batch {event.batch}, whose leaf was left out")
    place = hashes.get(str(batch["edges"]))
    if place is None or leaves[place]["kind"] != "edges":
        raise ProofError(f"batch {event.batch} names a list of edges whose leaf was left out")
    edges = leaves[place]["names"]
    return ActFinding(event, tuple(_finding(name, event, answers.get(name, ())) for name in edges))


def _finding(edge: str, event: Act, answers: Sequence[_Leaf]) -> EdgeFinding:
    """Return the first acknowledgement of an act by an edge, and the probe of its row that counts."""
    batch = event.batch or 0
    acknowledged = (each for each in answers if each["kind"] == "acknowledged")
    first = next((each for each in acknowledged if each["first"] <= batch <= each["last"]), _NOTHING)
    seen = [each for each in answers if each["kind"] == "seen" and each["row"] == event.row]
    probe = _decisive(seen, one=event.scope == "image")
    gone = {"yes": True, "no": False}.get(probe.get("gone", ""))
    return EdgeFinding(
        edge,
        first.get("at"),
        first.get("method"),
        first.get("instance"),
        seen_at=None if gone is None else probe.get("at"),
        status=probe.get("status"),
        gone=gone,
        looked=probe.get("looked"),
        images=probe.get("images"),
        note=probe.get("note"),
    )


def _decisive(seen: Sequence[_Leaf], *, one: bool) -> _Leaf:
    """Return the probe that counts: after the last that showed an image, the first that saw most of them gone.

    A later probe of what is gone already changes nothing. For an owner or digest only probes of its images as a whole
    count.
    """
    shown = max((place for place, leaf in enumerate(seen) if leaf.get("gone") == "no"), default=-1)
    gone = [leaf for leaf in seen[shown + 1 :] if leaf.get("gone") == "yes" and (one or "images" in leaf)]
    if gone:
        return max(gone, key=lambda leaf: int(leaf.get("looked", 0)))
    if shown >= 0:
        return seen[shown]
    doubt: _Leaf = next((leaf for leaf in reversed(seen) if "note" in leaf), _NOTHING)
    return {**doubt, "gone": ""}


def _check_edges(leaves: Mapping[str, _Leaf]) -> None:
    """Raise ``ProofError`` for a receipt or a probe of an edge that is not in the latest list before it."""
    listed: frozenset[str] = frozenset()
    for index, leaf in leaves.items():
        if leaf["kind"] == "edges":
            listed = frozenset(leaf["names"])
        elif leaf["kind"] in ("acknowledged", "seen") and leaf["edge"] not in listed:
            raise ProofError(f"leaf {index} is a receipt of {leaf['edge']}, and no such edge existed then")
        elif leaf["kind"] == "acknowledged" and leaf["first"] > leaf["last"]:
            raise ProofError(f"leaf {index} acknowledges batches {leaf['first']} to {leaf['last']}")


def _check_order(leaves: Mapping[str, _Leaf]) -> None:
    """Raise ``ProofError`` for a second leaf of one batch or act, and for what an edge did before its batch or act."""
    places: dict[tuple[str, int], str] = {}
    answers: list[tuple[str, _Leaf]] = []
    for index, leaf in leaves.items():
        if leaf["kind"] in ("batch", "event"):
            what = (leaf["kind"], leaf[leaf["kind"]])
            if places.setdefault(what, index) != index:
                raise ProofError(f"leaves {places[what]} and {index} are both of {what[0]} {what[1]}: one is forged")
            for early, answer in answers:
                if _answers(answer, leaf):
                    raise ProofError(
                        f"leaf {early} is a receipt of {what[0]} {what[1]}, whose leaf {index} comes later"
                    )
        elif leaf["kind"] in ("acknowledged", "seen"):
            answers.append((index, leaf))


def _answers(answer: _Leaf, leaf: _Leaf) -> bool:
    """Tell whether an edge's acknowledgement is of a batch, or a probe of the row of an act."""
    if answer["kind"] == "seen":
        return bool(leaf.get("row") == answer["row"])
    return leaf["kind"] == "batch" and bool(answer["first"] <= leaf["batch"] <= answer["last"])


def _of_kind(leaves: Mapping[str, _Leaf], kind: str) -> Iterator[tuple[str, _Leaf]]:
    return ((index, leaf) for index, leaf in leaves.items() if leaf["kind"] == kind)

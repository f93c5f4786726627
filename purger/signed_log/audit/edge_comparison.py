"""Compares leaves of acknowledgements and of probes with their rows. It reads no database: both come in chunks."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from purger.model import LONGEST_NOTE
from purger.signed_log.audit.audited_rows import ProbeRow, Reach, ReceiptRow, Unlogged, compare_columns
from purger.signed_log.audit.report import AuditReport, Count
from purger.signed_log.audit.stored_leaf import OpenedLeaf
from purger.signed_log.entries import PROBE_COLUMNS, RECEIPT_COLUMNS, members_of, utc_text


def compare_receipts(
    leaves: Iterable[OpenedLeaf],
    rows: Iterable[ReceiptRow],
    kept: Callable[[Sequence[tuple[int, int]]], set[tuple[int, int]]],
    reach: Reach,
    report: AuditReport,
) -> list[Unlogged]:
    """Compare the leaves of acknowledgements. ``kept`` chooses of ranges of batches those of which one is there yet."""
    known, pruned = _by_key(leaves, lambda leaf: (leaf.members.get("edge"), leaf.source))
    by_key = {(row.edge, row.batch): row for row in rows}
    doubtful = [
        (leaf.members.get("first", 0), leaf.source or 0)
        for key, (leaf, *_) in known.items()
        if key not in by_key and reach.receipts_pruned < (leaf.source or 0) <= reach.outbox_pruned
    ]
    there = kept(doubtful) if doubtful else set()
    for key, logged in known.items():
        row = by_key.pop(key, None)
        first = logged[0]
        name = f"edge {key[0]}, batch {key[1]}"
        if row is not None and row.batch < reach.first_batch and utc_text(row.acknowledged_at) <= reach.began_at:
            report.count(Count.BEFORE)  # the leaf is of a later acknowledgement, which did not replace the row
            continue
        if row is not None:
            report.count(Count.COMPARED, len(logged))
            # What was recorded once stays: the row is that of the first leaf.
            made = members_of(row, RECEIPT_COLUMNS)
            compare_columns("receipts", name, made, first.members, report, RECEIPT_COLUMNS)
            continue
        span = (first.members.get("first", 0), first.source or 0)
        if span[1] <= reach.receipts_pruned or (span[1] <= reach.outbox_pruned and span not in there):
            report.row_pruned(first.members.get("at"))
        else:
            report.no_row("receipts", name, first.place)
    unlogged = []
    for edge, batch in by_key:
        if batch in pruned:
            report.count(Count.LEAVES_PRUNED)
        elif 0 < batch < reach.first_batch:
            report.count(Count.BEFORE)
        else:
            unlogged.append(Unlogged("receipts", f"edge {edge}, batch {batch}", "acknowledged", (edge, batch)))
    return unlogged


def compare_probes(
    leaves: Iterable[OpenedLeaf],
    rows: Iterable[ProbeRow],
    purges: Mapping[int, int | None],
    reach: Reach,
    report: AuditReport,
) -> list[Unlogged]:
    """Compare the leaves of probes. ``purges``: the rows of the outbox that are there yet, each with its batch.

    A probe that proved nothing has no row in `sightings`: its last reason is in `probe_remarks`, which is no evidence.
    """
    leaves = [leaf for leaf in leaves if leaf.pruned or "gone" in leaf.members]
    erased = {leaf.source for leaf in leaves if leaf.erased}
    report.count(Count.LEAVES_ERASED, sum(bool(leaf.erased) for leaf in leaves))
    whole = (leaf for leaf in leaves if not leaf.erased)
    known, pruned = _by_key(whole, lambda leaf: (leaf.members.get("edge"), leaf.source, leaf.members.get("code", "")))
    unlogged = []
    for row in rows:
        name = f"edge {row.edge}, invalidation {row.invalidation}" + (f", code {row.code}" if row.code else "")
        logged = known.pop((row.edge, row.invalidation, row.code), None)
        batch = purges.get(row.invalidation)
        if row.invalidation in pruned:
            report.count(Count.LEAVES_PRUNED)
        elif row.invalidation in erased:
            continue  # any of them may have spoken of this row
        elif _is_before(row, batch, reach):
            report.count(Count.BEFORE)
        elif logged is not None:
            report.count(Count.COMPARED, len(logged))
            made = _probe_members(row)
            if batch is not None and batch < reach.first_batch:
                del made["note"]  # what the row was before the log
            compare_columns("sightings", name, made, later_counts(logged), report, PROBE_COLUMNS)
        else:
            unlogged.append(Unlogged("sightings", name, "seen", (row.edge, row.invalidation, row.code)))
    for (edge, source, code), logged in known.items():
        if source in purges:
            name = f"edge {edge}, invalidation {source}" + (f", code {code}" if code else "")
            report.no_row("sightings", name, logged[0].place)
        else:
            report.row_pruned(logged[0].members.get("at"))
    return unlogged


def _is_before(row: ProbeRow, batch: int | None, reach: Reach) -> bool:
    """Tell whether a result is from before the log; a later one that agrees with it has not replaced it."""
    if batch is None or batch >= reach.first_batch:
        return False
    return utc_text(row.seen_at) <= reach.began_at


def later_counts(logged: Iterable[OpenedLeaf]) -> dict[str, Any]:
    """Sum several probes of one image up, as the statement ``record_probe_result`` does: the later result counts."""
    at: str | None = None
    note: str | None = None
    state: dict[str, Any] = {}
    for leaf in logged:
        new = leaf.members
        later = at is not None and at < new["at"]
        other = at is not None and state["gone"] != new.get("gone")
        more = (state.get("looked") or 0) < new.get("looked", 0)
        if at is None:
            note = new.get("note", "")[:LONGEST_NOTE] or None
        elif later and other:
            note = _replaced(at, state)
        if at is None or (later and (other or more)):
            at = new["at"]
        if at == new["at"]:
            state = {name: new.get(name) for name in ("status", "gone", "looked", "images")}
    return {"at": at, "note": note, **state}


def _replaced(at: str, state: Mapping[str, Any]) -> str:
    """Write the note by which a row keeps the result that another one has replaced."""
    words = "gone" if state["gone"] == "yes" else "still there"
    return f"{words} ({state['status']}) at {at.replace('T', ' ').removesuffix('Z')}"


def _probe_members(row: ProbeRow) -> dict[str, Any]:
    # The table has numbers; one that is neither 0 nor 1 is shown as it is.
    return {**members_of(row, PROBE_COLUMNS), "gone": {1: "yes", 0: "no"}.get(row.gone, row.gone)}


def _by_key(
    leaves: Iterable[OpenedLeaf], key: Callable[[OpenedLeaf], tuple[Any, ...]]
) -> tuple[dict[tuple[Any, ...], list[OpenedLeaf]], set[int | None]]:
    """Group leaves by their keys; return apart the sources of those without content."""
    known: dict[tuple[Any, ...], list[OpenedLeaf]] = defaultdict(list)
    pruned = set()
    for leaf in leaves:
        if leaf.pruned:
            pruned.add(leaf.source)
        else:
            known[key(leaf)].append(leaf)
    return known, pruned

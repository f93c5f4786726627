"""Turns the purger's records into the parameters of the statements that write them."""

from datetime import UTC, datetime
from typing import Any

from purger.model import LONGEST_NOTE, ProbeResult, Receipt
from purger.records.unwritten_results import Liveness, ProgressWrite
from purger.signed_log.entries import Leaf


def receipt_values(receipt: Receipt) -> dict[str, Any]:
    """Make the parameters of the statement ``record_receipt``."""
    return {
        "edge": receipt.edge,
        "last": receipt.last,
        "first": receipt.first,
        "method": receipt.method,
        "instance": receipt.instance,
        "at": _utc(receipt.at),
    }


def probe_result_values(probe_result: ProbeResult) -> dict[str, Any]:
    """Make the parameters of the statements ``record_probe_result`` and ``record_probe_remark``."""
    return {
        "edge": probe_result.edge,
        "invalidation": probe_result.invalidation,
        "code": probe_result.code,
        "removed": probe_result.removed,
        "at": _utc(probe_result.at),
        "status": probe_result.status,
        "gone": probe_result.gone,
        "note": _cut(probe_result.note),
        "looked": probe_result.looked,
        "images": probe_result.images,
    }


def log_entry_values(leaf: Leaf) -> dict[str, Any]:
    """Make the parameters of the statement ``record_log_entry``."""
    return {"content": leaf.content.encode(), "openings": leaf.kept_openings()}


def progress_values(progress: ProgressWrite, last: int) -> dict[str, Any]:
    """Make one row of the statement ``record_progress``, cut to ``last``, the last batch of the database."""
    saved = progress.saved
    return {
        "name": progress.edge,
        "instance": saved.instance,
        "acknowledged": min(saved.acknowledged, last),
        "rebounded": min(saved.rebounded, last),
        "rebounded_later": min(saved.rebounded_later, last),
        "rebounded_last": min(saved.rebounded_last, last),
        "flushed_at": _utc(saved.flushed_at),
        "triggers": saved.triggers,
        "flushed": int(progress.flushed),
        "flush_done": saved.flush_done,
    }


def flush_values(edge: str, request: int) -> dict[str, Any]:
    """Make one row of the statement ``record_flushes_done``."""
    return {"name": edge, "flush_done": request}


def liveness_values(liveness: Liveness) -> dict[str, Any]:
    """Make one row of the statement ``record_liveness``."""
    return {
        "name": liveness.edge,
        "seen_at": _utc(liveness.seen_at),
        "epoch": _utc(liveness.epoch),
        "problem": _cut(liveness.problem),
    }


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:LONGEST_NOTE]


def _utc(seconds: float | None) -> datetime | None:
    """Turn seconds since 1970 into the value of a DATETIME column, which is in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)

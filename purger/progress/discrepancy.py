"""Compares the position and the last heartbeat that an edge names with its progress. Pure: no clock or database."""

from purger.model import Position

#: Seconds by which two times of an edge's clock may differ and count as equal: recorded times have milliseconds.
_ROUNDING = 0.0006


def discrepancy(
    position: Position, epoch: str | None, *, known: bool, acknowledged: int, last_epoch: float | None
) -> str | None:
    """Explain why an edge is behind its recorded progress; return None when it is there, or further.

    ``known``: the database has given this position. ``last_epoch`` is the last that the edge is known to have accepted.
    """
    if not known:
        return f"its position, batch {position}, is none of this database, or older than what the outbox still holds"
    if position.batch < acknowledged:
        return f"it has gone back to batch {position.batch} from {acknowledged}"
    ahead = float(epoch) - last_epoch if epoch and last_epoch is not None else 0.0
    if ahead < -_ROUNDING:
        return f"it has gone back to a heartbeat of {-ahead:.3f} s before its last one"
    return None

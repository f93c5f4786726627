"""Compares the position and the last heartbeat that an edge names with its progress. Pure: no clock, no database."""

from dataclasses import dataclass

from purger.model import Position

#: The position of an edge that no purge with a batch has reached yet. No database has it.
NOWHERE = Position(0, "none")

#: Seconds between two times of an edge's clock that count as none: a recorded one has milliseconds.
_ROUNDING = 0.0006


@dataclass(frozen=True, slots=True)
class Expected:
    """The progress that an edge's answer is compared with."""

    acknowledged: int
    position: Position | None
    epoch: float | None  # the last that the edge is known to have accepted
    confirmed: bool  # the edge has answered this process before

    def discrepancy(self, position: Position | None, epoch: str | None, *, known: bool) -> str | None:
        """Say why an edge is not where its progress puts it; None when it is there, or further.

        ``known``: the database has given this position.
        """
        ahead = float(epoch) - self.epoch if epoch and self.epoch is not None else 0.0
        if position is None:
            # Perhaps of a purger that was killed, and perhaps of a database that has gone back.
            later = not self.confirmed and ahead > _ROUNDING
            return "it is of version 0.1, and had a heartbeat that the database does not remember" if later else None
        if position == NOWHERE:
            # A purger of version 0.1 leaves it there. Its last heartbeat has to be the one that is remembered.
            remembered = bool(epoch) and self.epoch is not None and abs(ahead) <= _ROUNDING
            same = ahead >= -_ROUNDING if self.position == NOWHERE else self.position is None and remembered
            return None if same else "it names no batch, and its last heartbeat is not the one that is remembered"
        if not known:
            return (
                f"its position, batch {position}, is none of this database, or older than what the outbox still holds"
            )
        if position.batch < self.acknowledged:
            return f"it has gone back to batch {position.batch} from {self.acknowledged}"
        if ahead < -_ROUNDING:
            return f"it has gone back to a heartbeat of {-ahead:.3f} s before its last one"
        return None

"""Keep results that wait to be written (unwritten_results.py): the latest of each edge, none from before a setback."""

from purger.model import Receipt, SavedProgress
from purger.records.unwritten_results import Liveness, ProgressWrite, UnwrittenResults


def progress(last: int, *, flushed: bool = False, flush_done: int = 0) -> ProgressWrite:
    return ProgressWrite("paris", SavedProgress("one", last, last, last, last, "all", flush_done=flush_done), flushed)


def test_a_flush_remains_one_whatever_progress_follows() -> None:
    pending, later = UnwrittenResults(), UnwrittenResults()
    pending.put_progress(progress(4, flushed=True))
    later.put_progress(progress(5))
    pending.merge(later)
    assert pending.progress == {"paris": progress(5, flushed=True)}


def test_a_problem_hides_no_earlier_answer() -> None:
    pending, later = UnwrittenResults(), UnwrittenResults()
    pending.put_liveness(Liveness("paris", seen_at=5.0, epoch=7.0, problem=None))
    later.put_liveness(Liveness("paris", seen_at=None, epoch=None, problem="unreachable"))
    pending.merge(later)
    assert pending.liveness == {"paris": Liveness("paris", seen_at=5.0, epoch=7.0, problem="unreachable")}


def test_a_setback_leaves_the_answered_request_and_the_time_of_the_last_answer_alone() -> None:
    pending, later = UnwrittenResults(), UnwrittenResults(setbacks=1)
    pending.put_progress(progress(5, flush_done=3))
    pending.put_liveness(Liveness("paris", seen_at=5.0, epoch=7.0, problem=None))
    pending.receipts.append(Receipt("paris", 5, 5, "purge", "one", 1.0))
    pending.merge(later)
    assert pending == UnwrittenResults(
        setbacks=1, flushes={"paris": 3}, liveness={"paris": Liveness("paris", seen_at=5.0, epoch=None, problem=None)}
    )

"""Tells how far the signed log is behind: for `purger status`, an audit and metrics."""

from datetime import UTC, datetime

from purger.model import LogBacklog
from purger.signed_log.keys import UnsignedEndError, read_notes, signed_state
from takedown_db.connection.lasting_connection import Connection
from takedown_log.leaves import parse_canonical
from takedown_log.signed_note import NoteError, all_keys


def read_backlog(connection: Connection) -> LogBacklog:
    """Read how far the log is behind; a log that has not begun is not. Raises ``DatabaseUnavailableError``."""
    for size, note, batches, entries, seconds, entry in connection.rows("log_backlog"):
        unsigned = None
        try:
            signed_state(size, note, all_keys(read_notes(connection)))
        except (UnsignedEndError, NoteError) as error:
            unsigned = str(error)
        return LogBacklog(True, unsigned, int(batches), int(entries or 0), max(float(seconds), _age(entry)))
    return LogBacklog(begun=False)


def _age(entry: bytes | None) -> float:
    """Return the age of an entry in seconds; 0.0 for none, and for one that is malformed."""
    try:
        at = datetime.fromisoformat(str(parse_canonical(bytes(entry or b"").decode())["at"]))
        return (datetime.now(UTC) - at).total_seconds()
    except (KeyError, ValueError, TypeError):
        return 0.0

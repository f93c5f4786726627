"""Checks the keys of the log, and opens signed states by them."""

from collections.abc import Sequence

from purger.signed_log.audit.report import AuditReport, Words
from purger.signed_log.audit.stored_leaf import OpenedLeaf
from takedown_log.signed_note import Checkpoint, NoteError, VerifierKey, all_keys, follow_keys, named_key, open_note


class KeyCheck:
    """The keys that may have signed states of the log.

    A key from outside of the database vouches for itself and for those that followed it. A state that an earlier key of
    the table has signed is compared all the same: a later one covers the same leaves.
    """

    def __init__(self, given: VerifierKey | None, notes: Sequence[tuple[int, str]], report: AuditReport) -> None:
        """Follow ``notes``, the rows of `log_keys` with their ids. ``given`` comes from outside of the database."""
        self._report = report
        self._named: list[VerifierKey] = []
        self._check_chain(notes)
        texts = [note for _, note in notes]
        if given is None:
            self._trusted = self._known(texts)
            words = "Signatures were checked only by the database's own keys: give the key by --key."
            report.not_checked.append(words)
        else:
            self._trusted = self._followers(given, texts)
        self._all = [*self._trusted, *(key for key in self._known(texts) if key not in self._trusted)]

    def open(self, table: str, size: int, note: str) -> Checkpoint | None:
        """Return the state that a note signs, or None if no key has signed it. ``size`` is the size in its row."""
        try:
            state = Checkpoint.parse(open_note(note, self._all))
        except NoteError as error:
            self._report.differs(table, size, "note", Words("a state that the log's key has signed"), Words(str(error)))
            return None
        if state.size != size:
            self._report.differs(table, size, "size", state.size, size)
        if state.origin not in {key.name for key in self._all}:
            self._report.differs(table, size, "note", self._all[0].name, state.origin)
        return state

    def compare(self, leaf: OpenedLeaf) -> None:
        """Compare the leaf of a key with the table."""
        key = leaf.members.get("key")
        if key is not None and key not in map(str, self._named):
            self._report.no_row("log_keys", f"of the key {key}", leaf.place)

    def trusts(self, note: str) -> bool:
        """Tell whether the given key, or one that followed it, has signed a state."""
        try:
            open_note(note, self._trusted)
        except NoteError:
            return False
        return True

    def _check_chain(self, notes: Sequence[tuple[int, str]]) -> None:
        """Compare each note with the key before it; the first key has signed its own note. Ids count from 1."""
        former: VerifierKey | None = None
        for place, (row, note) in enumerate(notes, 1):
            if row != place:
                self._report.differs("log_keys", row, "id", place, row)
            try:
                following = named_key(note)
                open_note(note, [former or following])
            except NoteError as error:
                self._report.differs(
                    "log_keys", row, "note", Words("a key that the one before has signed"), Words(str(error))
                )
                return
            if following in self._named:
                self._report.differs(
                    "log_keys", row, "note", Words("each key is named once"), Words(f"names {following} again")
                )
            self._named.append(following)
            former = following

    def _known(self, notes: Sequence[str]) -> list[VerifierKey]:
        """Return the keys of the longest beginning of the chain that holds."""
        for count in range(len(notes), 0, -1):
            try:
                return all_keys(notes[:count])
            except NoteError:
                continue
        return []

    def _followers(self, given: VerifierKey, notes: Sequence[str]) -> list[VerifierKey]:
        known = self._known(notes)
        if notes and given not in known:
            self._report.differs("log_keys", "all", "note", str(given), Words("names other keys"))
        for count in range(len(notes), 0, -1):
            try:
                return follow_keys(given, notes[:count])
            except NoteError:
                continue
        return [given]

"""Logs a problem once when it begins, once when its kind changes and once when it ends."""

import logging


class ProblemLog:
    """The problem of one thing (an edge, the database), if it has any."""

    def __init__(self, log: logging.Logger, thing: str, *, patience: int = 1) -> None:
        """Begin without a problem; the first is logged after ``patience`` failed tries in succession."""
        self._log = log
        self._thing = thing
        self._patience = patience
        self._kind: str | None = None
        self._failures = 0
        self.text: str | None = None

    def begin(self, kind: str, text: str) -> bool:
        """Note a failed try. Return True if it was logged, as it is news."""
        self.text = f"{kind}: {text}"
        self._failures += 1
        if kind == self._kind or self._failures < self._patience:
            return False
        self._kind = kind
        self._log.error("%s is %s: %s", self._thing, kind, text)
        return True

    def end(self) -> bool:
        """Note a try that went well. Return True if the end of a problem was logged."""
        self._failures = 0
        if self._kind is None:
            self.text = None
            return False
        self._log.info("%s is no longer %s", self._thing, self._kind)
        self._kind = self.text = None
        return True

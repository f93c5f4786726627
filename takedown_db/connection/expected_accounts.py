"""Knows for each database URL of this process the account that it should name, to explain a right that is missing.

Each program has accounts of its own (`takedown_db/schema/accounts.sql`). A URL in the wrong variable is the usual
reason why an account lacks a right, and `purger migrate` does not give it that.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar

from takedown_db.connection.url import UnusableUrlError, parse_url

#: The user in the server's message of a missing right.
_USER = re.compile(r"user '([^']*)'@")

_Value = TypeVar("_Value", str, None)


class _Expected(NamedTuple):
    """The account that a URL should name, and the variable that holds the URL."""

    account: str | None  # None: an administrator's, of any name
    variable: str


#: The expectations of the URLs that name a user. For the whole process, so that each error finds them.
_expected: defaultdict[str, set[_Expected]] = defaultdict(set)


def expecting(account: str | None, variable: str) -> Callable[[object, object, _Value], _Value]:
    """Make the callback of an option that takes a URL of ``account``; None: of an administrator."""

    def note(_context: object, _parameter: object, url: _Value) -> _Value:
        if url is not None:
            with suppress(UnusableUrlError):  # the connection says so
                _expected[parse_url(url).user].add(_Expected(account, variable))
        return url

    return note


def missing_right(text: str) -> str:
    """Return what to do about a right that an account lacks; ``text`` is the server's message, which names the user."""
    user = found[1] if (found := _USER.search(text)) else ""
    expected = _expected.get(user, set())
    if any(each.account == user for each in expected):
        return f"run `purger migrate` as an administrator, which gives {user} its rights"
    for account, variable in sorted(expected, key=str):
        whose = f"of {account}" if account else "of an account that may do everything"
        return f"set {variable}, or the file that {variable}_FILE names, to the URL {whose}"
    return "use the URL of the account that this command needs"

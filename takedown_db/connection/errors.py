"""Defines the types of database errors, and explains the errors of MariaDB and MySQL with advice for the operator."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from takedown_base.printable import printable
from takedown_db.connection.error_numbers import (
    ACCOUNT_LOCKED,
    CHECK_FAILED,
    NO_RIGHT,
    REFUSALS,
    SCHEMA_OUTDATED,
    WRONG_CHARACTERS,
    ErrorNumber,
)
from takedown_db.connection.url import UnusableUrlError, parse_url

if TYPE_CHECKING:  # importing a type of error must not load the driver
    import mysql.connector


class DatabaseUnavailableError(Exception):
    """The moderation database cannot be used now. The text says why and, where it is known, what to do."""


class CounterLostError(DatabaseUnavailableError):
    """The table numbering, which holds the last batch number, is empty."""

    def __init__(self) -> None:
        super().__init__("the table numbering has lost its row; run `purger migrate`")


class SchemaOlderError(DatabaseUnavailableError):
    """The database lacks migrations of this version."""

    def __init__(self, missing: Iterable[str]) -> None:
        super().__init__(f"the schema is older than this program, it lacks {', '.join(missing)}: run `purger migrate`")


class NotAdoptedError(DatabaseUnavailableError):
    """The server is not the adopted one: it is a copy, or a primary that nobody has adopted yet."""

    def __init__(self, adopted: str | None, server: str) -> None:
        known = "no server was adopted" if adopted is None else f"the server that was adopted is {printable(adopted)}"
        advice = "run `purger adopt` if this is the primary now, and do nothing if it is a copy"
        super().__init__(f"{known}, and this is {server}: {advice}")


def error_number(error: DatabaseUnavailableError) -> int | None:
    """Find the number that the server or the driver gave an error; None: it gave none."""
    number = getattr(error.__cause__, "errno", None)
    return number if isinstance(number, int) and number > 0 else None


#: Advice by error number.
_ADVICE: dict[int, str] = {
    **dict.fromkeys(SCHEMA_OUTDATED, "run `purger migrate`"),
    **dict.fromkeys(ACCOUNT_LOCKED, "unlock the account: ALTER USER ... IDENTIFIED BY '...' ACCOUNT UNLOCK"),
    ErrorNumber.ER_ACCESS_DENIED_ERROR: "check the user and the password in the database URL; accounts are made "
    "locked, and a user without a name comes before them (DROP USER ''@'localhost')",
    ErrorNumber.ER_BAD_DB_ERROR: "run `purger migrate` to create it",
    ErrorNumber.ER_NO_SUCH_USER: "run `purger migrate` to make the account again",
    ErrorNumber.CR_SSL_CONNECTION_ERROR: "TLS failed: check that the server has it, that ssl_ca in the database URL is "
    "the authority that signed the server's certificate, and for VERIFY_IDENTITY that this names the URL's host",
    ErrorNumber.ER_BINLOG_STMT_MODE_AND_ROW_ENGINE: "set binlog_format to ROW or MIXED: with STATEMENT nothing can be "
    "written under READ COMMITTED",
}

_CHECK_NAME = re.compile(r"(?:CONSTRAINT|[Cc]heck constraint) [`']?(?:\w+`?\.`?)*(\w+)")
_COLUMN_NAME = re.compile(r"column (?:[`']?\w+[`']?\.)*[`']?(\w+)")


def explain(error: "mysql.connector.Error") -> str:
    """Describe a database error on one line, with advice where there is some.

    A value that the schema refuses is told only by the rule, without the server's numbers and names.
    """
    if error.errno in REFUSALS:
        return _rule(error)
    text = " ".join(str(error).split())
    advice = _missing_right(text) if error.errno in NO_RIGHT else _ADVICE.get(error.errno or 0)
    return f"{text}; {advice}" if advice else text


def _rule(error: "mysql.connector.Error") -> str:
    text = " ".join(str(error.msg or error).split())
    if error.errno in CHECK_FAILED and (name := _CHECK_NAME.search(text)):
        return f"the rule is: {name[1].replace('_', ' ')}"
    if error.errno == ErrorNumber.ER_DATA_TOO_LONG and (name := _COLUMN_NAME.search(text)):
        return f"the value for {name[1]} is too long"
    if error.errno in WRONG_CHARACTERS and (name := _COLUMN_NAME.search(text)):
        return f"the value for {name[1]} has characters that are not allowed"
    return text


# Each program has accounts of its own (schema/definitions/accounts.sql). A URL in the wrong variable is the usual
# reason why an account lacks a right, and `purger migrate` does not give it that.

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


def _missing_right(text: str) -> str:
    """Return what to do about a right that an account lacks; ``text`` is the server's message, which names the user."""
    user = found[1] if (found := _USER.search(text)) else ""
    expected = _expected.get(user, set())
    if any(each.account == user for each in expected):
        return f"run `purger migrate` as an administrator, which gives {user} its rights"
    for account, variable in sorted(expected, key=str):
        whose = f"of {account}" if account else "of an account that may do everything"
        return f"set {variable}, or the file that {variable}_FILE names, to the URL {whose}"
    return "use the URL of the account that this command needs"

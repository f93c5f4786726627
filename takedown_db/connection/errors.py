"""Defines the types of database errors, and explains the errors of MariaDB and MySQL with advice for the operator."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

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
from takedown_db.connection.expected_accounts import missing_right

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
    ErrorNumber.ER_ACCESS_DENIED_ERROR: "check the user and the password in the database URL; accounts are made locked",
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
    advice = missing_right(text) if error.errno in NO_RIGHT else _ADVICE.get(error.errno or 0)
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

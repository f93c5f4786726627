"""Types of database errors, and the advice that goes with the numbers of MariaDB and MySQL."""

import re
from typing import TYPE_CHECKING

from takedown_db.printable import printable

if TYPE_CHECKING:  # importing a type of error must not load the driver
    import mysql.connector


class DatabaseUnavailableError(Exception):
    """The moderation database cannot be used now. The text says why and, where it is known, what to do."""


class CounterLostError(DatabaseUnavailableError):
    """The table numbering, which holds the last batch number, is empty."""

    def __init__(self) -> None:
        super().__init__("the table numbering has lost its row; run `purger migrate`")


class NotAdoptedError(DatabaseUnavailableError):
    """The server is not the one that speaks for the database: a copy, or a primary that nobody has adopted yet."""

    def __init__(self, adopted: str | None, server: str) -> None:
        known = "no server was adopted" if adopted is None else f"the server that was adopted is {printable(adopted)}"
        advice = "run `purger adopt` if this is the primary now, and do nothing if it is a copy"
        super().__init__(f"{known}, and this is {server}: {advice}")


_ADVICE = {
    1044: "check the grants of the account in the database URL: `purger migrate` gives them",
    1045: "check the user and the password in the database URL; accounts are made locked",
    1049: "run `purger migrate` to create it",
    1054: "run `purger migrate`",
    1142: "check the grants of the account in the database URL: `purger migrate` gives them",
    1143: "check the grants of the account in the database URL: `purger migrate` gives them",
    1146: "run `purger migrate`",
    1305: "run `purger migrate`",
    1318: "run `purger migrate`",
    1370: "check the grants of the account in the database URL: `purger migrate` gives them",
    1449: "run `purger migrate` to make the account again",
    2026: "TLS failed: check that the server has it, that ssl_ca in the database URL is the authority that signed the "
    "server's certificate, and for VERIFY_IDENTITY that this names the URL's host",
    1665: "set binlog_format to ROW or MIXED: with STATEMENT nothing can be written under READ COMMITTED",
    3118: "unlock the account: ALTER USER ... IDENTIFIED BY '...' ACCOUNT UNLOCK",
    4151: "unlock the account: ALTER USER ... IDENTIFIED BY '...' ACCOUNT UNLOCK",
}


#: Errors by which MariaDB and MySQL refuse a value: a trigger's rule (1644), a CHECK (4025, 3819), the width of a
#: column (1406), its alphabet (1366), a value cut (1265).
REFUSALS = (1644, 4025, 3819, 1406, 1366, 1265)

_CHECK_NAME = re.compile(r"(?:CONSTRAINT|[Cc]heck constraint) [`']?(?:\w+`?\.`?)*(\w+)")
_COLUMN_NAME = re.compile(r"column (?:[`']?\w+[`']?\.)*[`']?(\w+)")


def explain(error: "mysql.connector.Error") -> str:
    """One line on a database error: what it was, and what to do where that is known.

    A value that the schema refuses is told by the rule alone, without the server's numbers and names.
    """
    if error.errno in REFUSALS:
        return _rule(error)
    advice = _ADVICE.get(error.errno or 0)
    text = " ".join(str(error).split())
    return f"{text}; {advice}" if advice else text


def _rule(error: "mysql.connector.Error") -> str:
    text = " ".join(str(error.msg or error).split())
    if error.errno in (4025, 3819) and (name := _CHECK_NAME.search(text)):
        return f"the rule is: {name[1].replace('_', ' ')}"
    if error.errno == 1406 and (name := _COLUMN_NAME.search(text)):
        return f"the value for {name[1]} is too long"
    if error.errno in (1366, 1265) and (name := _COLUMN_NAME.search(text)):
        return f"the value for {name[1]} has characters that are not allowed"
    return text

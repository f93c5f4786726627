"""What an error of the database means to whoever runs a command."""

import mysql.connector

_ADVICE = {
    1044: "check the grants of the account in the database URL: `purger migrate` gives them",
    1045: "check the user and the password in the database URL; accounts are made locked",
    1049: "run `purger migrate` to create it",
    1142: "check the grants of the account in the database URL: `purger migrate` gives them",
    1146: "run `purger migrate`",
    1305: "run `purger migrate`",
    1370: "check the grants of the account in the database URL: `purger migrate` gives them",
    1449: "run `purger migrate` to make the account again",
    2026: "TLS failed: check that the server has it, that ssl_ca in the database URL is the authority that signed the "
    "server's certificate, and for VERIFY_IDENTITY that this names the URL's host",
    1665: "set binlog_format to ROW or MIXED: with STATEMENT nothing can be written under READ COMMITTED",
    3118: "unlock the account: ALTER USER ... IDENTIFIED BY '...' ACCOUNT UNLOCK",
    4151: "unlock the account: ALTER USER ... IDENTIFIED BY '...' ACCOUNT UNLOCK",
}


def explain(error: mysql.connector.Error) -> str:
    """One line on a database error: what it was, and what to do where that is known."""
    advice = _ADVICE.get(error.errno or 0)
    text = " ".join(str(error).split())
    return f"{text}; {advice}" if advice else text

"""Opens the accounts of a database for one machine: a password each, its URL in a file, and a file of settings for all.

The directory is for programs that run there as root, or as users that own single files: it cannot be listed by others.
"""

import os
import re
import secrets
from pathlib import Path

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_base.printable import printable
from takedown_db.connection.connect import connect
from takedown_db.connection.error_numbers import ErrorNumber
from takedown_db.connection.errors import explain
from takedown_db.statements import statement

#: The variable with the URL of each account, by the account's name without ``takedown_``.
_VARIABLES = {
    "origin": "ORIGIN_DATABASE_URL",
    "import": "ORIGIN_IMPORT_DATABASE_URL",
    "erase": "ORIGIN_ERASE_DATABASE_URL",
    "purger": "PURGER_DATABASE_URL",
    "moderation": "PURGER_MODERATION_URL",
    "door": "PURGER_DOOR_DATABASE_URL",
}

_TIMEOUT = 30


class AccountFilesError(Exception):
    """An account or a file could not be made. The text says which, and why."""


def open_accounts(url: str, directory: Path) -> list[str]:
    """Give each account of the migrated database at ``url`` (an admin's) that is locked a password and a file.

    Leaves accounts that have a password, and files that exist, and logs in by each. Returns a line for each step.
    Raises ``AccountFilesError``.
    """
    directory = directory.absolute()
    done = []
    try:
        if not directory.is_dir():
            directory.mkdir(parents=True)
            directory.chmod(0o711)
        with connect(url, timeout=_TIMEOUT) as connection, connection.cursor() as cursor:
            for name in _VARIABLES:
                done += _open(cursor, url, name, directory / f"{name}.url")
        if not _has_password(url):
            done += _write(directory / "admin.url", url + "\n")
        variables = {**_VARIABLES, "admin": "PURGER_ADMIN_URL"}
        files = {variable: directory / f"{name}.url" for name, variable in variables.items()}
        settings = [f"{variable}_FILE={file}\n" for variable, file in files.items() if file.exists()]
        done += _write(directory / "env", "".join(settings))
        for name in _VARIABLES:
            _log_in(url, directory / f"{name}.url")
    except mysql.connector.Error as error:
        raise AccountFilesError(explain(error)) from error
    except OSError as error:
        raise AccountFilesError(f"{printable(error.filename)}: {error.strerror}") from error
    return done


def _open(cursor: MySQLCursorAbstract, url: str, name: str, file: Path) -> list[str]:
    account = f"takedown_{name}"
    cursor.execute(statement("account_state").replace("{account}", account))
    ((made,),) = map(tuple, cursor.fetchall())
    if "ACCOUNT LOCK" not in str(made):
        return (
            []
            if file.exists()
            else [f"left {account} as it is: it has a password already, so {printable(file)} was not written"]
        )
    if file.exists():
        raise AccountFilesError(f"{printable(file)} exists, and {account} is locked: move the file away")
    password = secrets.token_urlsafe(18)
    done = _write(file, re.sub("^mysql://(?:[^@/?]*@)?", f"mysql://{account}:{password}@", url) + "\n")
    try:
        cursor.execute(statement("open_account").replace("{account}", account), {"password": password})
    except mysql.connector.Error:
        file.unlink()
        raise
    return [f"gave {account} a password", *done]


def _log_in(url: str, file: Path) -> None:
    """Log in by the URL in a file, if it is there. Raises ``AccountFilesError`` where the server refuses that."""
    if not file.exists():
        return
    try:
        connect(file.read_text().strip(), timeout=_TIMEOUT).close()
    except mysql.connector.Error as error:
        if error.errno != ErrorNumber.ER_ACCESS_DENIED_ERROR:
            raise
        with connect(url, timeout=_TIMEOUT) as connection, connection.cursor() as cursor:
            cursor.execute(statement("nameless_accounts"))
            hosts = [f"''@'{printable(str(host))}'" for (host,) in cursor.fetchall()]
        advice = (
            f"the server takes users without a name first: DROP USER {', '.join(hosts)}, and run this again"
            if hosts
            else "write the account's password into it"
        )
        raise AccountFilesError(f"nobody can log in by {printable(file)}: {error.msg}; {advice}") from error


def _write(file: Path, text: str) -> list[str]:
    """Write a file that only its owner can read, unless it exists."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(text)
    except FileExistsError:
        return []
    return [f"wrote {printable(file)}"]


def _has_password(url: str) -> bool:
    return re.match("mysql://[^@/?]*:[^@/?]*@", url) is not None or "password_file=" in url

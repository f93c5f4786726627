"""Defines the error numbers of MariaDB, MySQL and their driver known to this system, by the names in their manuals."""

from enum import IntEnum


class ErrorNumber(IntEnum):
    """An error number (``errno``) of the server, or from 2000 to 2999 of the driver."""

    ER_DBACCESS_DENIED_ERROR = 1044
    ER_ACCESS_DENIED_ERROR = 1045
    ER_BAD_DB_ERROR = 1049  # no such database
    ER_UNKNOWN_COM_ERROR = 1047  # Galera: the node is not part of its cluster
    ER_BAD_FIELD_ERROR = 1054  # no such column
    ER_DUP_FIELDNAME = 1060  # the column is there already
    ER_DUP_KEYNAME = 1061  # the index is there already
    ER_DUP_ENTRY = 1062  # a unique key has this value already
    ER_CANT_DROP_FIELD_OR_KEY = 1091  # MariaDB: the column, index or constraint is gone already
    ER_TABLEACCESS_DENIED_ERROR = 1142
    ER_COLUMNACCESS_DENIED_ERROR = 1143
    ER_NO_SUCH_TABLE = 1146
    ER_UNKNOWN_SYSTEM_VARIABLE = 1193
    ER_LOCK_WAIT_TIMEOUT = 1205
    ER_LOCK_DEADLOCK = 1213  # and in a cluster: another node has committed a change of the same rows
    WARN_DATA_TRUNCATED = 1265
    ER_OPTION_PREVENTS_STATEMENT = 1290  # the server is read-only
    ER_SP_DOES_NOT_EXIST = 1305  # no such procedure
    ER_SP_WRONG_NO_OF_ARGS = 1318
    ER_TRUNCATED_WRONG_VALUE_FOR_FIELD = 1366  # characters outside of the column's alphabet
    ER_PROCACCESS_DENIED_ERROR = 1370
    ER_DATA_TOO_LONG = 1406
    ER_BINLOG_CREATE_ROUTINE_NEED_SUPER = 1419
    ER_NO_SUCH_USER = 1449  # the definer of a trigger or routine
    ER_AUTOINC_READ_FAILED = 1467  # no id is left
    ER_SIGNAL_EXCEPTION = 1644  # a trigger's SIGNAL
    ER_BINLOG_STMT_MODE_AND_ROW_ENGINE = 1665
    CR_UNKNOWN_HOST = 2005
    CR_SERVER_LOST = 2013
    CR_SSL_CONNECTION_ERROR = 2026
    ER_RUN_HOOK_ERROR = 3100  # a replication group: its plugin refuses the transaction
    ER_TRANSACTION_ROLLBACK_DURING_COMMIT = 3101  # another member has committed a change of the same rows
    ER_ACCOUNT_HAS_BEEN_LOCKED = 3118
    ER_GRP_TRX_CONSISTENCY_BEFORE = 3797  # the server is not in its replication group
    ER_CHECK_CONSTRAINT_VIOLATED = 3819
    ER_CONSTRAINT_NOT_FOUND = 3940  # MySQL: the constraint is gone already
    ER_CONSTRAINT_FAILED = 4025  # MariaDB's number for a CHECK
    ER_ACCOUNT_HAS_BEEN_LOCKED_MARIADB = 4151


#: The account lacks a right.
NO_RIGHT = frozenset(
    {
        ErrorNumber.ER_DBACCESS_DENIED_ERROR,
        ErrorNumber.ER_TABLEACCESS_DENIED_ERROR,
        ErrorNumber.ER_COLUMNACCESS_DENIED_ERROR,
        ErrorNumber.ER_PROCACCESS_DENIED_ERROR,
    }
)

#: A part of the schema is missing, or of another version.
SCHEMA_OUTDATED = frozenset(
    {
        ErrorNumber.ER_BAD_FIELD_ERROR,
        ErrorNumber.ER_NO_SUCH_TABLE,
        ErrorNumber.ER_SP_DOES_NOT_EXIST,
        ErrorNumber.ER_SP_WRONG_NO_OF_ARGS,
    }
)

#: The server refuses a part of the database URL, or the driver cannot resolve its host: account, password, database,
#: tables, grants.
URL_REFUSED = frozenset(
    {
        ErrorNumber.ER_DBACCESS_DENIED_ERROR,
        ErrorNumber.ER_ACCESS_DENIED_ERROR,
        ErrorNumber.ER_BAD_DB_ERROR,
        ErrorNumber.ER_TABLEACCESS_DENIED_ERROR,
        ErrorNumber.ER_NO_SUCH_TABLE,
        ErrorNumber.ER_PROCACCESS_DENIED_ERROR,
        ErrorNumber.CR_UNKNOWN_HOST,
    }
)

#: The driver's own error numbers: no answer came, so the statement may have been carried out or not.
NO_ANSWER = range(2000, 3000)

#: The server cannot be used now, though another one of its cluster or group may be.
NODE_UNUSABLE = frozenset(
    {
        ErrorNumber.ER_UNKNOWN_COM_ERROR,
        ErrorNumber.ER_OPTION_PREVENTS_STATEMENT,
        ErrorNumber.ER_RUN_HOOK_ERROR,
        ErrorNumber.ER_GRP_TRX_CONSISTENCY_BEFORE,
    }
)

#: The server has rolled the transaction back because of another one: it may be repeated at once.
ROLLED_BACK = frozenset({ErrorNumber.ER_LOCK_DEADLOCK, ErrorNumber.ER_TRANSACTION_ROLLBACK_DURING_COMMIT})

#: A table has already been changed in the way that a statement asks for.
TABLE_CHANGED_ALREADY = frozenset(
    {
        ErrorNumber.ER_DUP_FIELDNAME,
        ErrorNumber.ER_DUP_KEYNAME,
        ErrorNumber.ER_CANT_DROP_FIELD_OR_KEY,
        ErrorNumber.ER_CONSTRAINT_NOT_FOUND,
    }
)

#: The account has to be unlocked.
ACCOUNT_LOCKED = frozenset({ErrorNumber.ER_ACCOUNT_HAS_BEEN_LOCKED, ErrorNumber.ER_ACCOUNT_HAS_BEEN_LOCKED_MARIADB})


#: A CHECK refuses a value.
CHECK_FAILED = frozenset({ErrorNumber.ER_CHECK_CONSTRAINT_VIOLATED, ErrorNumber.ER_CONSTRAINT_FAILED})

#: A value has characters that the column cannot hold, or was cut.
WRONG_CHARACTERS = frozenset({ErrorNumber.ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, ErrorNumber.WARN_DATA_TRUNCATED})

#: The schema refuses a value: by a trigger, a CHECK, a column's width or its alphabet.
REFUSALS = CHECK_FAILED | WRONG_CHARACTERS | {ErrorNumber.ER_SIGNAL_EXCEPTION, ErrorNumber.ER_DATA_TOO_LONG}

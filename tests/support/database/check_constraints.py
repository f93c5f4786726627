"""Switch CHECK constraints off in a session of MariaDB. MySQL has no such switch."""

import pytest

from stack.databases.program import on_mysql

#: The assignment, to append to another one of a ``SET SESSION``.
UNCHECKED = "" if on_mysql() else ", check_constraint_checks = 0"

needs_switch = pytest.mark.skipif(on_mysql(), reason="no session of MySQL can switch CHECKs off")

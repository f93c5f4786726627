"""The switch by which any session of MariaDB can leave CHECKs out. MySQL has none."""

import pytest

from stack.program import on_mysql

#: To follow another assignment of a ``SET SESSION``.
UNCHECKED = "" if on_mysql() else ", check_constraint_checks = 0"

needs_switch = pytest.mark.skipif(on_mysql(), reason="no session of MySQL can switch CHECKs off")

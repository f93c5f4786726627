"""Determine the user that the servers run as."""

import os
import pwd


def user_name() -> str:
    """Return the name of this process's user. LOGNAME and USER may name another one: ``su`` keeps them."""
    return pwd.getpwuid(os.geteuid()).pw_name

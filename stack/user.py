"""The user whom everything here runs as."""

import os
import pwd


def user_name() -> str:
    """Tell the name of the user that this process runs as. LOGNAME and USER may name another: ``su`` keeps them."""
    return pwd.getpwuid(os.geteuid()).pw_name

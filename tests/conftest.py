"""Set up what all tests share."""

import os

from hypothesis import settings

# A late rebound of one test's purge would remove what the next test has just cached.
os.environ.setdefault("PURGER_LATER_REBOUND_DELAY", "86400")
os.environ.setdefault("PURGER_LAST_REBOUND_DELAY", "86400")

# A slow machine is no failure: bench/ measures speed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

"""What all tests have in common."""

import os

from hypothesis import settings

# Late rebounds of what is done in one test would empty what the next one has just cached.
os.environ.setdefault("PURGER_LATER_REBOUND_DELAY", "86400")
os.environ.setdefault("PURGER_LAST_REBOUND_DELAY", "86400")

# A slow machine is no failure: how fast things are is measured in bench/.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

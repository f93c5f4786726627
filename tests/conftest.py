"""What all tests have in common."""

from hypothesis import settings

# A slow machine is no failure: how fast things are is measured in bench/.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

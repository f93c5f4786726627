"""Compare the routines that version 0.1 calls with those that it released: a changed one needs a name of its own."""

import re
from pathlib import Path

from takedown_db.schema.scripts import schema_file

_RELEASED = Path(__file__).parents[3] / "data" / "schema_0_1" / "routines.sql"
_ROUTINE = re.compile(r"PROCEDURE IF NOT EXISTS (\w+)(.*?)//", re.DOTALL)


def routines(text: str) -> dict[str, str]:
    """Return the bodies of the routines in a script by name, without comments and line breaks."""
    code = "\n".join(line for line in text.splitlines() if not line.strip().startswith("--"))
    return {name: " ".join(body.split()) for name, body in _ROUTINE.findall(code)}


def test_routines_of_version_0_1_are_as_it_released_them() -> None:
    released = routines(_RELEASED.read_text("utf-8"))
    today = routines(schema_file("numbering_routines.sql").read_text("utf-8"))
    kept = released.keys() & today.keys()
    assert kept == {"number_invalidations_v1", "standing_triggers_v1"}
    assert {name: today[name] for name in kept} == {name: released[name] for name in kept}

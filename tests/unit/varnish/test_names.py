"""Compare the VCL's names with each other and with the tables of docs/internals/vcl.md: subs, files and variables.

VCL itself takes a variable that nobody sets for an empty one, and a sub in the wrong file for a right one.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from stack.edges.vcl import SOURCE
from tests.support.pages.markdown_pages import ROOT

PAGE = (ROOT / "docs/internals/vcl.md").read_text()
#: Subs that a site edits. They stand in default.vcl, and sites know their names.
SITE = {"takedown_settings", "takedown_renditions", "takedown_urls", "takedown_origin", "takedown_site"}
FILES = {path.stem: path for path in sorted((SOURCE / "takedown").glob("*.vcl"))}
TYPES = {"": "text", "_int": "integer", "_real": "real", "_duration": "duration", "_backend": "backend"}


class Use(NamedTuple):
    """One ``var.*`` call. ``name`` is that of the variable; ``<`` ends the constant part of a computed one."""

    name: str
    sub: str
    is_global: bool
    is_set: bool
    type: str


def code(path: Path) -> str:
    """Return a VCL file without its comments."""
    return re.sub(r"^\s*#.*$", "", path.read_text(), flags=re.MULTILINE)


def subs(path: Path) -> dict[str, str]:
    """Return the body of each sub of a VCL file by its name."""
    return dict(re.findall(r"^sub (\w+) \{\n(.*?)^\}$", code(path), re.MULTILINE | re.DOTALL))


BODIES = {sub: body for path in [SOURCE / "default.vcl", *FILES.values()] for sub, body in subs(path).items()}


def file_of(sub: str) -> str:
    """Return the stem of the file that a sub stands in."""
    return next((name for name, path in FILES.items() if sub in subs(path)), "default")


def constant(expression: str) -> str | None:
    """Return the name that an expression starts with, ``<`` after it where more is added; None if it is computed."""
    found = re.match(r'"([^"]+?) ?"( \+)?', expression)
    if not found:
        return None
    return found[1] + (" <" if found[2] else "")


def calls() -> Iterator[tuple[Use, str]]:
    """Find each ``var.*`` call, with its first argument as it is written and all that follows."""
    for sub, body in BODIES.items():
        for found in re.finditer(r"\bvar\.(global_)?([sg])et(_\w+)?\((?=(.*))", body):
            yield Use("", sub, bool(found[1]), found[2] == "s", TYPES[found[3] or ""]), found[4]


def uses() -> Iterator[Use]:
    """Name the variable of each call. One whose name stands in a variable is each that this variable is set to."""
    values = defaultdict(set)
    for use, text in calls():
        if use.is_set and not use.is_global and (value := constant(text.partition(", ")[2])):
            values[constant(text)].add(value)
    for use, text in calls():
        if name := constant(text):
            yield use._replace(name=name)
        else:
            pointer = re.match(r"var\.get\((.*)", text)
            assert pointer, text
            yield from (use._replace(name=value) for value in values[constant(pointer[1])])


USES = set(uses())


def reached(*roots: str) -> set[str]:
    """Return the subs that these call, directly or not."""
    found, new = set(), set(roots)
    while new:
        found |= new
        new = {name for sub in new for name in re.findall(r"\bcall (\w+);", BODIES[sub])} - found
    return found


#: The subs of each task of Varnish. What is not a global lasts as long as its task.
TASKS = {
    "load": reached("vcl_init", "vcl_fini"),
    "request": reached("vcl_recv", "vcl_hash", "vcl_hit", "vcl_miss", "vcl_deliver", "vcl_synth"),
    "fetch": reached("vcl_backend_fetch", "vcl_backend_response", "vcl_backend_error"),
}


def rows(heading: str) -> dict[str, list[str]]:
    """Return the table under a heading of docs/internals/vcl.md: the other cells of each row by its first one."""
    table = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:3] == "| `"]
    return {re.sub("<.*", "<", first.strip("`")): rest for first, *rest in cells}


def files(found: set[Use], *, is_set: bool) -> str:
    """List the files whose subs set, or read, a variable."""
    return ", ".join(sorted({file_of(use.sub) for use in found if use.is_set == is_set}))


def test_each_sub_is_in_the_file_that_its_name_says() -> None:
    wrong = [
        sub for name, path in FILES.items() for sub in subs(path) if not re.match(rf"takedown_{name}_[a-z0-9_]+$", sub)
    ]
    assert wrong == []
    assert {sub for sub in subs(SOURCE / "default.vcl") if not sub.startswith("vcl_")} == SITE


def test_no_name_of_a_file_begins_another() -> None:
    assert [(a, b) for a in FILES for b in FILES if b.startswith(f"{a}_")] == []


def test_each_file_is_included_once() -> None:
    included = re.findall(r'^include "\./takedown/(\w+)\.vcl";$', code(SOURCE / "default.vcl"), re.MULTILINE)
    assert sorted(included) == sorted(FILES)


def test_each_sub_is_called() -> None:
    assert set(BODIES) - set().union(*TASKS.values()) == set()


@pytest.mark.parametrize("task", TASKS)
def test_each_variable_that_a_task_reads_is_set_in_it_and_the_other_way_round(task: str) -> None:
    found = {use for use in USES if use.sub in TASKS[task] and not use.is_global}
    names = {is_set: {use.name for use in found if use.is_set == is_set} for is_set in (True, False)}
    # Settings are set together, for whichever task needs some of them.
    settings = {use.name for use in USES if use.sub in SITE}
    assert names[False] - names[True] == set(), "read, and set by nobody"
    assert names[True] - names[False] - settings == set(), "set, and read by nobody"


def test_each_global_that_is_read_is_set_and_the_other_way_round() -> None:
    names = {is_set: {use.name for use in USES if use.is_global and use.is_set == is_set} for is_set in (True, False)}
    assert names[True] ^ names[False] == set()


def test_each_variable_has_one_type() -> None:
    types = defaultdict(set)
    for use in USES:
        types[use.is_global, use.name].add(use.type)
    assert {name: found for name, found in types.items() if len(found) > 1} == {}


@pytest.mark.parametrize(("heading", "is_global"), [("Variables", False), ("Globals", True)])
def test_the_tables_name_each_variable_with_those_who_set_and_read_it(heading: str, is_global: bool) -> None:
    expected = {}
    for name in {use.name for use in USES if use.is_global == is_global}:
        found = {use for use in USES if use.name == name and use.is_global == is_global}
        expected[name] = [files(found, is_set=True), files(found, is_set=False)]
    assert {name: cells[:2] for name, cells in rows(heading).items()} == expected


def test_the_table_of_flags_names_the_files_that_set_each() -> None:
    flags = rows("Built-in variables and headers that serve as flags")
    setters = {
        flag: ", ".join(name for name, path in FILES.items() if re.search(rf"\bset {flag} = ", code(path)))
        for flag in flags
    }
    assert {flag: cells[0] for flag, cells in flags.items()} == setters != {}


def test_the_table_of_files_names_each() -> None:
    assert sorted(rows("Files")) == sorted(f"{name}.vcl" for name in FILES)

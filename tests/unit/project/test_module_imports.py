"""Check every import by the rules of `docs/internals/architecture.md`: which part may import which."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.pages.markdown_pages import ROOT

#: Each package, with the packages of this repository that it may import besides itself.
ALLOWED: dict[str, set[str]] = {
    "origin": {"takedown_base", "takedown_db"},
    "purger": {"takedown_base", "takedown_db", "takedown_log"},
    "takedown_base": set(),
    "takedown_db": {"takedown_base"},
    "takedown_log": set(),
}

#: Modules that lie flat in a package and below its rooms. What else lies flat there is above them: `origin`, `purger`.
GROUND = {
    "origin": {"circuit_breaker", "metrics_counters", "model", "row_checks"},
    "purger": {"backoff", "exit_codes", "loop_thread", "model", "problem_log", "settings", "text_format"},
}

#: Each room, from the bottom to the top, with the rooms of its own package that it may import.
ROOMS: dict[str, str] = {
    "takedown_base": "",
    "takedown_base.http": "takedown_base",
    "takedown_log": "",
    "takedown_db": "",
    "takedown_db.connection": "takedown_db",
    "takedown_db.hooks": "takedown_db takedown_db.connection",
    "takedown_db.schema": "takedown_db takedown_db.connection",
    "origin ground": "",
    "origin.stores": "",
    "origin.verdict": "",
    "origin.answering": "origin.stores origin.verdict",
    "origin.importing.metadata": "",
    "origin.importing": "origin.importing.metadata origin.stores",
    "origin": "origin.answering origin.stores origin.verdict",
    "origin.ingest": "origin origin.importing origin.stores",
    "purger ground": "",
    "purger.edge": "",
    "purger.moderation": "purger.edge",
    "purger.hash_lists": "",
    "purger.progress": "",
    "purger.outbox": "purger.edge",
    "purger.signed_log": "",
    "purger.signed_log.audit": "purger.signed_log",
    "purger.records": "purger.edge purger.outbox purger.signed_log",
    "purger.fleet": "purger.edge purger.outbox purger.signed_log",
    "purger.probing": "purger.edge purger.fleet purger.records",
    "purger.receipts": "purger.probing purger.records",
    "purger.webhooks": "purger.edge purger.fleet",
    "purger.delivery": "purger.edge purger.fleet purger.outbox purger.probing purger.progress purger.records",
    "purger.console.users": "",
    "purger.console.state": "purger.fleet purger.moderation purger.probing purger.receipts",
    "purger.console": "purger.console.state purger.console.users"
    " purger.fleet purger.moderation purger.probing purger.receipts",
    "purger.door": "purger.moderation",
    "purger.door.dialects": "purger.door purger.moderation",
    "purger": "purger.console purger.console.users purger.delivery purger.edge purger.fleet purger.outbox"
    " purger.probing purger.records purger.signed_log purger.webhooks",
}

#: The rooms of `stack`, which is not installed, in the same order.
ROOMS_OF_STACK: dict[str, set[str]] = {
    "stack.processes": set(),
    "stack.databases": {"stack.processes"},
    "stack.edges": {"stack.processes"},
}

#: The rooms of the command line `purger`, in the same order: each may import all that is below the command line.
ROOMS_OF_COMMANDS: dict[str, set[str]] = {
    "purger.cli.options": set(),
    "purger.cli.moderation": {"purger.cli.options"},
    "purger.cli.signed_log": {"purger.cli.options"},
    "purger.cli": {"purger.cli.moderation", "purger.cli.options", "purger.cli.signed_log"},
}

#: Rooms that are told what they need, and so import nothing of the ground either.
WITHOUT_GROUND = {"origin.importing.metadata", "purger.moderation"}

OURS = {*ALLOWED, "stack", "tests", "bench"}

#: Modules that decide and do nothing else, so that tests need no server: each with all that it imports, near or far.
PURE = [
    "origin.answering.answers",
    "origin.answering.byte_ranges",
    "origin.answering.conditional_requests",
    "takedown_base.http.http_dates",
    "takedown_base.http.request_head",
    "origin.row_checks",
    "origin.verdict.rules",
    "origin.verdict.sites",
    "origin.verdict.url",
    "purger.progress.discrepancy",
    "purger.fleet.fair_share",
    "purger.fleet.state",
    "takedown_db.hooks.triggers",
    "takedown_db.hooks.expression",
    "purger.fleet.problems",
    "purger.progress.instances",
    "purger.progress.lease",
    "purger.model",
    "purger.records.unwritten_results",
    "purger.outbox.plan",
    "purger.edge.purge_request",
    "purger.fleet.present_purgers",
    "purger.probing.verdict",
    "purger.progress.progress",
    "purger.progress.rebounds",
    "purger.receipts.judge",
    "purger.receipts.model",
    "purger.signed_log.audit.report",
    "purger.signed_log.audit.edge_comparison",
    "purger.signed_log.audit.event_comparison",
    "purger.signed_log.audit.key_check",
    "purger.signed_log.audit.stored_leaf",
    "purger.signed_log.audit.tree_check",
    "purger.progress.steps",
    "purger.webhooks.signature",
]

#: Modules that hold state for several threads, and know neither driver nor HTTP client either.
WITHOUT_DRIVER = [*PURE, "purger.records.unwritten_results", "purger.probing.schedule"]

#: Drivers, HTTP, sockets, threads and the frameworks.
DOING = {
    "bottle",
    "cheroot",
    "click",
    "http",
    "mysql",
    "PIL",
    "requests",
    "rich",
    "socket",
    "ssl",
    "threading",
    "urllib3",
}


def modules() -> dict[str, Path]:
    """Find the modules of the packages that are installed, by their full names."""
    files = [file for package in ALLOWED for file in sorted((ROOT / package).rglob("*.py"))]
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def imports(file: Path) -> Iterator[str]:
    """Yield the names that a file imports anywhere in it, each as a module if it is one of ours."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: imports are absolute"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in MODULES else str(node.module)


MODULES = modules()


@cache
def graph() -> dict[str, set[str]]:
    """Collect what each module imports. Only the process that runs these tests reads all files."""
    return {name: set(imports(file)) for name, file in MODULES.items()}


def top(name: str) -> str:
    """Return the package in which a module stands."""
    return name.partition(".")[0]


def in_command_line(name: str) -> bool:
    """Tell whether a module belongs to the command line of a package of ours."""
    return top(name) in ALLOWED and f"{name}.".startswith(f"{top(name)}.cli.")


def room(name: str) -> str:
    """Return the room of a module: its package, or the ground below the rooms."""
    package, _, last = name.rpartition(".")
    if last in GROUND.get(package, ()):
        return f"{package} ground"
    return name if MODULES[name].name == "__init__.py" else package


def reached(module: str) -> set[str]:
    """Collect all that a module imports, and what that imports, as far as it is ours."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(graph().get(name, ()))
    return found - {module}


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    refused = OURS - ALLOWED[package] - {package}
    wrong = {
        name: bad
        for name in MODULES
        if top(name) == package and (bad := {n for n in graph()[name] if top(n) in refused})
    }
    assert wrong == {}


def test_each_module_has_a_room_and_each_room_modules() -> None:
    rooms = {room(name) for name in MODULES if not in_command_line(name)}
    assert rooms == set(ROOMS)


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_only_what_lies_below_it(name: str) -> None:
    package = top(name.removesuffix(" ground"))
    allowed = {name, *ROOMS[name].split()} | (set() if name in WITHOUT_GROUND else {f"{package} ground"})
    wrong = {}
    for module in MODULES:
        if not in_command_line(module) and room(module) == name:
            inside = {each for each in graph()[module] if each in MODULES and top(each) == package}
            if bad := {each for each in inside if room(each) not in allowed}:
                wrong[module] = bad
    assert wrong == {}


def test_no_room_is_above_a_room_that_imports_it() -> None:
    order = list(ROOMS)
    for name, below in ROOMS.items():
        assert all(order.index(each) < order.index(name) for each in below.split()), name


@pytest.mark.parametrize("name", ROOMS_OF_STACK)
def test_a_room_of_the_stack_imports_only_what_lies_below_it(name: str) -> None:
    allowed = {name, *ROOMS_OF_STACK[name]}
    files = sorted((ROOT / name.replace(".", "/")).glob("*.py"))
    wrong = {
        file.name: bad
        for file in files
        if (bad := {n for n in imports(file) if top(n) == "stack" and n.rpartition(".")[0] not in allowed})
    }
    assert files
    assert wrong == {}


@pytest.mark.parametrize("name", ROOMS_OF_COMMANDS)
def test_a_room_of_commands_imports_only_what_lies_below_it(name: str) -> None:
    allowed = {name, *ROOMS_OF_COMMANDS[name]}
    wrong = {
        module: bad
        for module in MODULES
        if room(module) == name
        and (bad := {n for n in graph()[module] if in_command_line(n) and room(n) not in allowed})
    }
    assert wrong == {}


def test_nothing_imports_a_command_line_but_another_one() -> None:
    below = [name for name in MODULES if not in_command_line(name)]
    assert {name: bad for name in below if (bad := {n for n in graph()[name] if in_command_line(n)})} == {}


def test_no_module_imports_itself_by_a_detour() -> None:
    assert [name for name in MODULES if any(name in reached(other) | {other} for other in graph()[name])] == []


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_reaches_no_database_network_or_thread(module: str) -> None:
    assert module in MODULES
    assert {name for name in reached(module) if top(name) in DOING} == set()


def test_pure_modules_load_neither_the_driver_nor_an_http_client() -> None:
    """A process of its own imports them, as the tests' has loaded both."""
    program = f"import sys, {', '.join(WITHOUT_DRIVER)}; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True).split()
    assert set(loaded).isdisjoint({"mysql.connector", "requests", "bottle", "cheroot"})


def test_nothing_that_serves_imports_an_image() -> None:
    serving = reached("origin.start") | reached("origin.cli.serve")
    assert {"origin.stores.store", "origin.answering.app"} <= serving
    assert {name for name in serving if name.startswith("origin.importing")} == set()


def test_only_decoders_open_pictures() -> None:
    opening = {name for name in MODULES if any(top(each) == "PIL" for each in reached(name))}
    of_decoders = {"origin.importing.decoder", "origin.importing.pictures"}
    assert {name for name in opening if not name.startswith("origin.importing.metadata")} == of_decoders

"""Compare the pages with the code: the links, commands, flags, variables, paths and names that they show exist."""

import re

import click
import pytest
from click.testing import CliRunner

from stack.databases.program import VARIABLE
from tests.chaos.faults import FAULTS
from tests.support.pages.documented_commands import (
    INSTALLED,
    all_options,
    find,
    installed_commands,
    options,
    shown_commands,
    variables,
)
from tests.support.pages.markdown_pages import PAGES, ROOT, code, section, spans

#: Flags of other people's programs.
FOREIGN_FLAGS = {
    "--no-defaults",
    "--host",
    "--user",
    "--all-ip-addresses",
    "--fail",
    "--socket",
    "--quick",
    "--default-character-set",
    "--skip-triggers",
    "--help",
    "--require-hashes",
    "--requirement",
    "--no-build-isolation",
    "--upgrade",
    "--no-deps",
    "--now",
    "--build",
    "--detach",
    "--single-transaction",
    "--routines",
    "--triggers",
    "--databases",
    "--make-rshared",
}

#: Words in the spelling of a class that are names of other people's.
FOREIGN_NAMES = {"LoadCredential", "ExecStart", "AccessKey", "BunnyInvalidator"}

#: Variables that `./dev run` sets for its users, and no command reads.
SET_ONLY = {"ORIGIN_URL"}

#: Alerts have names in the spelling of a class, too.
ALERTS = set(re.findall(r"alert: (\w+)", (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text()))

NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
PACKAGES = ("origin", "purger", "takedown_base", "takedown_db", "takedown_log", "stack", "tests", "bench")
ROOMS = (*PACKAGES, "varnish", "docs")


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    page = ROOT / name
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_flag_exists(name: str) -> None:
    known = {flag for option in all_options() for flag in option.opts} | FOREIGN_FLAGS | {"--version"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", code(ROOT / name))) - known == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_exists(name: str) -> None:
    tests = "\n".join(path.read_text() for path in ROOT.glob("tests/**/*.py"))
    known = {each for option in all_options() for each in variables(option)} | SET_ONLY | {VARIABLE}
    known |= set(re.findall(r'"(TAKEDOWN_[A-Z_]+|TEST_[A-Z_]+)"', tests))
    assert set(re.findall(r"\b(?:PURGER|ORIGIN|STACK|TAKEDOWN)_[A-Z_]*[A-Z]\b", code(ROOT / name))) - known == set()


def test_the_ports_and_edges_in_the_help_of_dev_are_the_ones_that_are_used() -> None:
    said = dict(re.findall(r"(STACK_(?:[A-Z]+_PORT|EDGES)) \((\d+)\)", (ROOT / "dev").read_text()))
    named = re.compile(r"STACK_(?:[A-Z]+_PORT|EDGES)").fullmatch
    used = {str(each.envvar): str(each.default) for each in all_options() if named(str(each.envvar))}
    assert said == used != {}


@pytest.mark.parametrize("name", NAMES)
def test_every_command_exists_with_its_flags(name: str) -> None:
    wrong = []
    for line, words in shown_commands(code(ROOT / name)):
        command, rest = find(words)
        flags = {word for word in rest if word.startswith("--")} - {"--", "--help", "--version"}
        if command is None or flags - {flag for option in options(command) for flag in option.opts}:
            wrong.append(line)
    assert wrong == []


@pytest.mark.parametrize("words", [*INSTALLED, *installed_commands()])
def test_every_command_has_help(words: str) -> None:
    program, *rest = words.split()
    result = CliRunner().invoke(INSTALLED[program], [*rest, "--help"])
    assert (result.exit_code, result.exception) == (0, None)
    for option in options(find(words.split())[0] or click.Command("")):
        assert option.help, option.opts


@pytest.mark.parametrize("name", NAMES)
def test_every_command_of_dev_exists(name: str) -> None:
    known = set(re.findall(r"^    ([a-z]+)\)$", (ROOT / "dev").read_text(), re.MULTILINE))
    assert "fuzz" in known
    assert set(re.findall(r"\./dev ([a-z]+)", code(ROOT / name))) - known == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_path_exists(name: str) -> None:
    """Finds paths from the top of the repository, and names of source files from anywhere."""
    paths = {re.split(r"[:\s]", span)[0] for span in spans(ROOT / name)}
    ours = {path for path in paths if path.partition("/")[0] in ROOMS and "/" in path}
    files = {path for path in paths if re.fullmatch(r"[\w.-]+\.(py|vcl|vtc|sql|cli)", path)}
    missing = {path for path in ours if not any(ROOT.glob(path.rstrip("/")))}
    assert missing | {path for path in files if not any(ROOT.glob(f"[a-z]*/**/{path}"))} == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_the_code_exists(name: str) -> None:
    """Finds modules, classes and tests."""
    source = "\n".join(file.read_text() for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    found = spans(ROOT / name)
    classes = {span for span in found if re.fullmatch(r"[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+", span)}
    classes -= FOREIGN_NAMES | ALERTS
    tests = {span for span in found if re.fullmatch(r"test_\w+", span)}
    missing = {each for each in classes if not re.search(rf"^class {each}\b", source, re.MULTILINE)}
    missing |= {each for each in tests if not re.search(rf"^def {each}\b", source, re.MULTILINE)}
    assert missing | {span for span in found if is_module(span) and not module_exists(span)} == set()


def is_module(span: str) -> bool:
    """Tell whether a span has the form of a module of ours, or of a name in it."""
    return re.fullmatch(rf"({'|'.join(PACKAGES)})(\.\w+)+", span) is not None


def module_exists(span: str) -> bool:
    """Find a module; or, where the last word is no module, a name in the one before it."""
    path = ROOT / span.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    module = path.parent.with_suffix(".py")
    return module.exists() and re.search(rf"\b{path.name}\b", module.read_text()) is not None


def test_every_fault_of_the_checker_exists() -> None:
    page = ROOT / "docs/internals/chaos.md"
    shown = re.findall(r'--fault "([^"]+)"', page.read_text())
    shown += re.findall(r'"([^"]+)"', section(page, "Faults found, and not found"))
    assert len(shown) > 10
    assert set(shown) - set(FAULTS) == set()


def test_pre_commit_runs_what_dev_check_runs() -> None:
    hooks = re.findall(r"^ +entry: (.+)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.MULTILINE)
    check = re.search(r"^    check\)\n(.*?);;", (ROOT / "dev").read_text(), re.MULTILINE | re.DOTALL)
    assert check is not None
    assert hooks == re.findall(r"^ +(\.venv/\S.*)$", check[1], re.MULTILINE) != []


@pytest.mark.parametrize("name", NAMES)
def test_every_part_of_a_page_that_is_referred_to_exists(name: str) -> None:
    """Finds a heading, or the first words of a paragraph in bold."""
    page = ROOT / name
    missing = []
    for target, title in re.findall(r'\]\(([\w./-]+\.md)\)[,(]? \(?"([^"]+)"', " ".join(page.read_text().split())):
        text = (page.parent / target).read_text()
        if not re.search(rf"^(#+ |(- )?\*\*){re.escape(title)}(\.?\*\*|$)", text, re.MULTILINE):
            missing.append(f"{target}: {title}")
    assert missing == []


def test_every_page_that_the_code_names_exists() -> None:
    files = [file for room in (*PACKAGES, "varnish", "deploy") for file in (ROOT / room).rglob("*.*") if file.is_file()]
    named = {
        page: file.name
        for file in [*files, ROOT / "dev"]
        if file.suffix in {"", ".py", ".sql", ".vcl", ".vtc", ".cli", ".yml", ".yaml", ".json", ".service"}
        for page in re.findall(r"\bdocs/[\w/-]+\.md", file.read_text())
    }
    assert len(named) > 5
    assert [page for page in named if not (ROOT / page).exists()] == []

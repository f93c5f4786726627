"""Check the units in deploy/systemd: systemd takes them, they are hardened, and they say what the programs know."""

import dataclasses
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from origin.ingest.settings import IngestSettings
from origin.settings import ServeSettings
from tests.support.pages.documented_commands import find, options, variables
from tests.support.pages.markdown_pages import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
DROP_IN = ROOT / "deploy" / "systemd" / "varnish.service.d" / "edge-takedown.conf"
NAMES = [unit.name for unit in UNITS]

#: Seconds of one request to an edge, for which a purger that stops may wait.
READ_TIMEOUT = 3.0

#: The largest exposure that `systemd-analyze security` may see, times ten.
EXPOSURE = 30

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="NOT CHECKED: systemd-analyze is missing (Debian package systemd)"
)


def settings(unit: Path) -> dict[str, list[str]]:
    """Return the values of each setting of a unit, in their order."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^([A-Za-z]+)=(.*)$", unit.read_text().replace("\\\n", " "), re.MULTILINE):
        found.setdefault(name, []).append(" ".join(value.split()))
    return found


def installed(unit: Path, directory: Path) -> Path:
    """Copy a unit, with programs that this machine has instead of those of an installation."""
    copy = directory / unit.name
    copy.write_text(re.sub(r"^(Exec\w+=)/\S+", rf"\1{shutil.which('true')}", unit.read_text(), flags=re.MULTILINE))
    return copy


@pytest.fixture
def edge(tmp_path: Path) -> Path:
    """Make the unit of an edge: one like Debian's, with the drop-in."""
    unit = tmp_path / "varnish.service"
    unit.write_text(
        "[Unit]\nDescription=Varnish\n[Service]\nType=exec\nExecStart=/bin/false\nKillMode=mixed\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    (tmp_path / "varnish.service.d").mkdir()
    installed(DROP_IN, tmp_path / "varnish.service.d")
    return unit


def judge(*arguments: str | Path) -> tuple[int, str]:
    run = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)
    return run.returncode, run.stdout + run.stderr


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units_and_the_drop_in_of_an_edge(edge: Path, tmp_path: Path) -> None:
    assert judge("verify", edge, *(installed(unit, tmp_path) for unit in UNITS)) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="NOT CHECKED: systemd-sysusers is missing")
def test_systemd_makes_the_users_of_the_units() -> None:
    users = ROOT / "deploy" / "systemd" / "edge-takedown.sysusers.conf"
    run = subprocess.run(["systemd-sysusers", "--dry-run", users], capture_output=True, text=True, check=False)
    assert (run.returncode, "not a valid" in run.stderr) == (0, False), run.stderr
    made = set(re.findall(r"^u (\S+) ", users.read_text(), re.MULTILINE))
    assert made == {name for unit in UNITS for name in settings(unit)["User"]}


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=NAMES)
def test_a_unit_is_exposed_to_little(unit: Path) -> None:
    code, said = judge("security", "--offline=true", f"--threshold={EXPOSURE}", unit)
    assert code == 0, said


@needs_systemd
def test_an_edge_is_exposed_to_little(edge: Path) -> None:
    code, said = judge("security", "--offline=true", f"--threshold={EXPOSURE}", edge)
    assert code == 0, said


@pytest.mark.parametrize("unit", UNITS, ids=NAMES)
def test_a_unit_runs_a_command_with_the_variables_that_it_reads(unit: Path) -> None:
    program, *words = shlex.split(settings(unit)["ExecStart"][0])
    command, rest = find([Path(program).name, *words])
    assert command is not None
    assert rest == []
    known = {name for option in options(command) for name in variables(option)} | {"PURGER_TOKEN_DIRECTORY"}
    named = [each.partition("=")[0] for each in settings(unit)["Environment"]]
    named += [each.partition(":")[0] for each in settings(unit)["LoadCredential"]]
    assert set(named) - known == set()
    assert any(name.endswith("_DATABASE_URL") for name in named)


def test_the_origin_and_uploads_have_time_to_end() -> None:
    programs = {"edge-takedown-origin.service": ServeSettings, "edge-takedown-ingest.service": IngestSettings}
    for unit in UNITS:
        fields = dataclasses.fields(programs[unit.name]) if unit.name in programs else ()
        drain = next((float(str(field.default)) for field in fields if field.name == "drain"), READ_TIMEOUT)
        assert float(settings(unit)["TimeoutStopSec"][0]) > drain


def test_an_edge_has_the_listeners_the_parameters_and_the_storage_of_the_page() -> None:
    first, command = settings(DROP_IN)["ExecStart"]
    assert first == ""
    for part in ("-f /etc/varnish/default.vcl", "-I /etc/varnish/parameters.cli", "-s Transient="):
        assert part in command
    assert re.findall(r" -a (\w+)=", command) == ["tls", "purge"]
    assert "-a tls=127.0.0.1:8443,PROXY -a purge=127.0.0.1:6090,PROXY -p feature=+http2" in command


def test_pages_name_units_that_exist() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    commands = [found for page in pages for found in re.findall(r"(?:journalctl|systemctl) [^|`\n]*", page.read_text())]
    named = {word for command in commands for word in re.findall(r"[\w-]*takedown[\w-]*", command)}
    assert len(named) >= len(NAMES)
    assert {f"{name}.service" for name in named} <= set(NAMES)

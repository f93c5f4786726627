"""Compare deploy/compose.yaml with the programs and the Containerfile."""

import re
import tomllib

import pytest
import yaml

from tests.support.pages.documented_commands import INSTALLED, find, options, variables
from tests.support.pages.markdown_pages import ROOT

COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
CONTAINERFILE = (ROOT / "deploy" / "container" / "Containerfile").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_built_from_a_target_that_exists(name: str) -> None:
    assert re.search(rf"^FROM \S+ AS {SERVICES[name]['build']['target']}$", CONTAINERFILE, re.MULTILINE)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_the_secrets_that_it_reads(name: str) -> None:
    service = SERVICES[name]
    read = set(re.findall(r"/run/secrets/(\w+)", str(service.get("environment", {}))))
    assert read <= set(service["secrets"]) <= set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_reads_variables_that_a_program_has(name: str) -> None:
    known = {
        each
        for words in ("origin serve", "origin import", "purger run", "purger migrate", "purger ban")
        for option in options(find(words.split())[0] or next(iter(INSTALLED.values())))
        for each in variables(option)
    }
    assert set(SERVICES[name].get("environment", {})) - known == set()


def test_every_secret_is_made() -> None:
    made = re.search(r"^for name in (.*); do$", (ROOT / "deploy/container/secrets").read_text(), re.MULTILINE)
    assert made is not None
    assert set(made[1].split()) == set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_root_and_only_the_public_port_is_published(name: str) -> None:
    assert SERVICES[name]["user"] == "10001:10001"
    assert SERVICES[name].get("ports", []) == (["8080:8080"] if name == "edge" else [])


def test_the_build_takes_along_what_the_containerfile_copies() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [
        path for line in re.findall(r"^COPY (?!--)(.*) \S+$", CONTAINERFILE, re.MULTILINE) for path in line.split()
    ]
    assert copied
    assert [path for path in copied if not any(path == each or path.startswith(f"{each}/") for each in kept)] == []


def test_the_image_has_every_package_that_is_installed() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    for name in {each.partition(".")[0] for each in packages}:
        assert f"\nCOPY {name} {name}\n" in CONTAINERFILE

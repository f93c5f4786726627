"""Read the sites of a file of rules, and find by them the server of a host."""

from pathlib import Path

import pytest

from origin.verdict.rules import UnusableRulesError, read_rules
from origin.verdict.sites import FirstSight, Site, find_site, read_sites
from takedown_base.listen_address import Address

RULE = "[[rule]]\nmatch = '^/(?P<name>.+)$'\n"


def sites(directory: Path, text: str) -> tuple[Site, ...]:
    file = directory / "rules.toml"
    file.write_text(RULE + text)
    assert len(read_rules(file)) == 1
    return read_sites(file)


def test_a_host_has_its_own_server_or_the_one_for_all(tmp_path: Path) -> None:
    found = sites(
        tmp_path,
        """[[site]]
server = "http://127.0.0.1:8080/"
[[site]]
host = "WWW.example.org."
server = "http://[::1]"
first_sight = "after"
[[site]]
host = "old.example.org"
""",
    )
    assert find_site(found, "www.example.org") == Site("www.example.org", Address("::1", 80), FirstSight.AFTER)
    assert find_site(found, "x") == Site(None, Address("127.0.0.1", 8080), FirstSight.BEFORE)
    assert find_site(found, "old.example.org") == Site("old.example.org", None, FirstSight.NEVER)
    assert find_site(found[1:], "x") is None
    assert sites(tmp_path, "") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("site = 1", "nothing else"),
        ("[[site]]\nname = 'x'", "site 1: it has the key name, and a site has host, server, first_sight"),
        ("[[site]]\nserver = 1", "site 1: server is not a text"),
        ("[[site]]\nserver = '127.0.0.1:80'", "it has to be like http://127.0.0.1:8080"),
        ("[[site]]\nserver = 'https://127.0.0.1'", "it has to be like"),
        ("[[site]]\nserver = 'http://127.0.0.1:99999'", "it has to be like"),
        ("[[site]]\nserver = 'http://127.0.0.1/images'", "it has to be like"),
        ("[[site]]\nserver = 'http://me@127.0.0.1'", "it has to be like"),
        ("[[site]]\nfirst_sight = 'before'", "no server"),
        ("[[site]]\nserver = 'http://a'\nfirst_sight = 'late'", "one of before, after, never"),
        ("[[site]]\nhost = 'a'\n[[site]]\nhost = 'A.'", "site 2: a site above has this host"),
        ("[[site]]\n[[site]]\n", "site 2: a site above has no host either"),
    ],
)
def test_a_site_that_could_be_misunderstood_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(f"{text}\n{RULE}" if text.startswith("site =") else RULE + text)
    with pytest.raises(UnusableRulesError, match=message):
        read_sites(file)

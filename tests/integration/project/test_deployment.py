"""Follow docs/operate/deployment.md command by command, on seven machines with systemd."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from stack.edges.varnish import COMPILER
from stack.processes.waiting import wait_until
from stack.samples import draw
from tests.support.machines.machine import HOME, Machine, Switch, why_impossible
from tests.support.pages.markdown_pages import ROOT
from tests.support.pages.pasted_page import PastedPage

PAGE = ROOT / "docs" / "operate" / "deployment.md"
ADDRESSES = {
    "admin": "10.0.0.3",
    "db1": "10.0.0.2",
    "origin1": "10.0.0.11",
    "origin2": "10.0.0.12",
    "paris": "10.0.1.1",
    "lima": "10.0.2.1",
    "tokyo": "10.0.3.1",
}
ORIGINS, EDGES = ("origin1", "origin2"), ("paris", "lima", "tokyo")
IMAGES = "/var/lib/edge-takedown/images"

#: A program ``scp`` that copies files to another machine: into /shared, from where ``hand_over`` takes them.
SCP = """#!/bin/bash
# scp -rp FILE.. root@HOST.internal:DIRECTORY
set -e
target=${@: -1}; host=${target#root@}; place=/shared/handed/${host%%.internal:*}${target#*:}
if [ $# = 3 ] && [[ $2 != */. ]]; then mkdir -p "${place%/*}"; else mkdir -p "$place"; fi
cp -rp "${@:2:$#-2}" "$place"
"""

#: A program ``gcc`` that compiles as the edges of all other tests do: the real one takes seconds for each start.
GCC = os.environ[COMPILER].replace("%o", '"${@: -2:1}"').replace("%s", '"${@: -1}"')

#: Two purgers that poll a hundred times a second would take a fifth of a core for as long as the test runs.
SELDOM = "[Service]\nEnvironment=PURGER_POLL_INTERVAL=0.05\n"

STATUS = "PURGER_DATABASE_URL_FILE=/etc/edge-takedown/purger-database-url purger status"

pytestmark = pytest.mark.skipif(bool(why_impossible()), reason=f"NOT CHECKED: {why_impossible()}")


class Deployment:
    """The machines of the page, as Debian's packages leave them; all have the checkout."""

    def __init__(self, directory: Path, running: ExitStack) -> None:
        self.page = PastedPage(PAGE, directory, {}, directory / "settings")
        self.switch = Switch()
        running.callback(self.switch.close)
        self.shared = directory / "shared"
        (self.shared / "images").mkdir(parents=True)
        self.machines: dict[str, Machine] = {}
        hosts = "".join(f"{there} {each}.internal {each}.example.org\n" for each, there in ADDRESSES.items())
        for name, address in ADDRESSES.items():
            self.machines[name] = machine = Machine(name, directory / name, self.shared)
            running.callback(machine.close)
            self.switch.plug(machine.pid, name, address)
            machine.write("/etc/hosts", f"127.0.0.1 localhost\n{hosts}")

    def run(self, name: str, script: str, code: int | None = 0) -> str:
        """Run lines on a machine, in its clone of the repository."""
        return self.machines[name].run(script, code=code, directory=str(ROOT))

    def paste(self, part: str, *names: str, code: int | None = 0) -> str:
        """Paste the next block of the page, which has ``part`` in it, on machines; return what the last one says."""
        text = self.page.take(part)
        return [self.run(name, text, code) for name in names][-1]

    def status(self) -> str:
        """Return what ``purger status`` says."""
        return self.run("origin1", STATUS, None)

    def ask(self, edge: str, path: str) -> str:
        """Ask an edge as a browser does; return status and version of HTTP, such as ``200 2``."""
        what = "curl --silent --cacert ~/site/ca.pem --output /dev/null --write-out '%{http_code} %{http_version}'"
        return self.run("admin", f"{what} https://{edge}.example.org{path}", None)

    def wait_for(self, edge: str, path: str, answer: str) -> None:
        """Wait until an edge gives this answer."""
        wait_until(lambda: self.ask(edge, path) == answer, f"{answer} for {path} at {edge}")

    def wait_until_ok(self) -> None:
        """Wait until ``purger status`` says OK."""
        wait_until(lambda: self.status().startswith("OK"), "status OK")

    def wait_for_origin(self, name: str) -> None:
        """Wait until an origin answers on its own machine."""
        head = f"curl --silent --head http://{ADDRESSES[name]}:8000/images/-"
        wait_until(lambda: " 404 " in self.run(name, head, None), f"{name} answers")

    def hand_over(self) -> None:
        """Put the files that ``scp`` has copied into their places."""
        for handed in (self.shared / "handed").iterdir():
            self.run(handed.name, f"tar -C /shared/handed/{handed.name} -c . | tar -C / -x --no-overwrite-dir")
            shutil.rmtree(handed)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with ExitStack() as running:
        yield Deployment(tmp_path, running)


def test_the_page_from_its_first_command_to_an_upgrade(deployment: Deployment) -> None:
    install_the_programs(deployment)
    make_secrets(deployment)
    start_the_database(deployment)
    start_the_origins(deployment)
    start_the_edges(deployment)
    ban_the_first_image(deployment)
    faults_are_told_with_their_cure(deployment)
    upgrade(deployment)


def install_the_programs(deployment: Deployment) -> None:
    """Do the section Programs. ``./dev install`` needs a registry, and would download the same on each machine."""
    block = deployment.page.take("./dev install")
    admin = deployment.machines["admin"]
    said = admin.run(block, code=None, directory=str(ROOT), outside=True)
    if re.search("Failed to establish|Temporary failure|unreachable|ProxyError", said):
        pytest.skip("pip reaches no registry")
    admin.run("tar -C /opt -cf /shared/programs.tar edge-takedown-1")
    for name in ORIGINS:
        deployment.run(name, "tar -C /opt -xf /shared/programs.tar")
        deployment.run(name, "".join(line for line in block.splitlines(True) if "./dev" not in line))
    admin.write("/usr/local/bin/scp", SCP)
    admin.run("chmod 755 /usr/local/bin/scp")


def make_secrets(deployment: Deployment) -> None:
    """Do the section Secrets and certificates; a site's browsers trust the authority of the page."""
    deployment.paste("for account in", "admin")
    block = deployment.page.take("openssl req -x509")
    public = "sign edges/$edge/public $edge.example.org; cat edges/$edge/public.* >edges/$edge/hitch/site.pem"
    deployment.run("admin", f"umask 077\n{block}\nfor edge in paris lima tokyo; do {public}; done")


def start_the_database(deployment: Deployment) -> None:
    """Do the section Database."""
    url = deployment.paste("bind-address", "db1").splitlines()[-1]
    deployment.machines["admin"].write(f"{HOME}/site/admin-database-url", url)
    deployment.paste("purger migrate", "admin")


def start_the_origins(deployment: Deployment) -> None:
    """Do the section Origins; both have the same directory as their store, as with a file system of the network."""
    deployment.paste("for machine in", "admin")
    deployment.hand_over()
    for name in ORIGINS:
        deployment.run(name, f"mkdir -p {IMAGES} && mount --bind /shared/images {IMAGES}")
        deployment.machines[name].write("/etc/systemd/system/edge-takedown-purger.service.d/seldom.conf", SELDOM)
    deployment.paste("systemd-sysusers", *ORIGINS)


def start_the_edges(deployment: Deployment) -> None:
    """Do the section Edges."""
    deployment.paste("purger vcl", "admin")
    default = f"{HOME}/site/vcl/default.vcl"
    text = deployment.run("admin", f"cat {default}")
    text, count = re.subn(r"(?ms)^sub takedown_origin \{.*?^\}\n", "", text)
    assert count == 1
    ours = deployment.page.take("import directors")
    replaced, count = re.subn(
        r"(?ms)^backend origin \{.*?^\}\n.*^acl takedown_purgers \{.*?^\}\n",
        lambda _: ours,
        text,
        flags=re.MULTILINE | re.DOTALL,
    )
    assert count == 1
    deployment.machines["admin"].write(default, replaced)
    deployment.paste("for edge in", "admin")
    deployment.hand_over()
    for edge in EDGES:
        deployment.machines[edge].write("/usr/local/bin/gcc", f"#!/bin/bash\n{GCC}\n")
        deployment.run(edge, "cd /usr/local/bin && chmod 755 gcc && ln gcc $(/usr/bin/gcc -dumpmachine)-gcc")
    deployment.paste("systemctl restart varnish", *EDGES)
    for edge in EDGES:
        deployment.wait_for(edge, "/images/-", "404 2")
    deployment.paste("purger edge add", "origin1", code=None)
    deployment.wait_until_ok()


def ban_the_first_image(deployment: Deployment) -> None:
    """Do the section The first ban, and see at each edge what a browser sees."""
    draw(deployment.shared / "cat.jpg", "cat", hue=0.3, size=(320, 240))
    deployment.run("origin1", "cd /shared && " + deployment.page.take("curl --fail"))
    for edge in EDGES:
        for _ in range(2):
            assert deployment.ask(edge, "/images/cat-1") == "200 2"
    deployment.paste("purger ban", "admin")
    for edge in EDGES:
        assert deployment.ask(edge, "/images/cat-1") == "410 2"
    shown = deployment.paste("purger receipts", "origin2")
    for edge in EDGES:
        assert re.search(rf"{edge} .* gone \(410\)", shown), shown
    assert deployment.status().startswith("OK")
    deployment.run("admin", "PURGER_MODERATION_URL_FILE=~/site/moderation-database-url purger lift cat-1")
    for edge in EDGES:
        deployment.wait_for(edge, "/images/cat-1", "200 2")


def faults_are_told_with_their_cure(deployment: Deployment) -> None:
    """Break one thing after the other; each time status names it."""
    deployment.switch.unplug("tokyo")
    wait_until(
        lambda: re.search("PROBLEM: edge tokyo: .*unreachable.*what it misses", deployment.status()), "dead edge"
    )
    deployment.switch.plug_again("tokyo")
    deployment.wait_until_ok()

    deployment.run(
        "origin2", "systemctl kill --signal=KILL edge-takedown-purger && systemctl stop edge-takedown-purger"
    )
    wait_until(lambda: re.search("redundancy", deployment.status()), "a dead purger")
    deployment.run("origin2", "systemctl start edge-takedown-purger")
    deployment.wait_until_ok()

    deployment.run("paris", "cat /etc/hitch/site.pem >/etc/hitch/purges.pem && systemctl restart hitch-purges")
    untrusted = "PROBLEM: edge paris: untrusted: .*certificate.*compare CA, certificates and host name"
    wait_until(lambda: re.search(untrusted, deployment.status()), "a wrong certificate")
    deployment.run("admin", "scp -rp ~/site/edges/paris/hitch/. root@paris.internal:/etc/hitch")
    deployment.hand_over()
    deployment.run("paris", "systemctl restart hitch-purges")
    deployment.wait_until_ok()

    of_paris = "PURGER_DATABASE_URL_FILE=/etc/edge-takedown/purger-database-url purger edge set paris --ca-file"
    deployment.run("origin1", f"! {of_paris} ''")
    deployment.run("origin1", f"{of_paris} '' --unreachable")
    wait_until(lambda: re.search(untrusted, deployment.status()), "a private authority that nobody named")
    deployment.run("origin1", f"{of_paris} /etc/edge-takedown/edges/ca.pem")
    deployment.wait_until_ok()


def upgrade(deployment: Deployment) -> None:
    """Do the section Upgrade with the same programs under the next name, while browsers ask."""
    block = deployment.page.take("edge-takedown-2")
    deployment.run("origin1", "systemctl stop edge-takedown-origin")
    # In turn each goes to the origin that is away first, which its probe has not told yet.
    assert [deployment.ask("lima", f"/images/absent-{number}") for number in range(4)] == 4 * ["404 2"]
    for name in ORIGINS:
        deployment.run(name, "cp -a /opt/edge-takedown-1 /opt/edge-takedown-2")
        deployment.run(name, block)
        assert deployment.ask("lima", "/images/cat-1") == "200 2"
        deployment.wait_for_origin(name)
    deployment.paste("systemctl reload varnish", "lima")
    assert deployment.ask("lima", "/images/cat-1") == "200 2"
    deployment.wait_until_ok()
    assert [block for block in deployment.page.left() if block.language == "sh"] == []

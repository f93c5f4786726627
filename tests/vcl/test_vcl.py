"""Run each .vtc in this directory with varnishtest: a real varnishd with the project's own VCL."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stack.edges.varnish import compiler_parameters, read_parameters, varnish_program
from tests.support.pages.markdown_pages import block

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
#: Parameters of varnishd: counters are up to date after each task, background fetches find a thread, and a connection
#: stays open for as long as a test lasts, while its client delays or awaits something.
PARAMETERS = {
    "thread_pool_min": 60,
    **read_parameters(),
    **compiler_parameters(),
    "timeout_idle": 240,
    "thread_stats_rate": 1,
    "thread_pools": 1,
}
ARGUMENTS = " ".join(f"-p '{name}={value}'" for name, value in PARAMETERS.items())  # for a shell
#: The maps of URLs in docs/guide/urls.md, each by a part of it that no other has. A test renders one by its name.
MAPS = {"codes": "/images/\\1/thumb", "names": "blob.transcode", "purgers": "client.ip"}


@pytest.mark.parametrize("test", sorted(HERE.glob("*.vtc")), ids=lambda path: path.stem)
def test_vcl(test: Path, tmp_path: Path) -> None:
    for name, part in MAPS.items():
        (tmp_path / f"{name}.vcl").write_text(block(ROOT / "docs/guide/urls.md", "vcl", part))
    (tmp_path / "two_origins.vcl").write_text(block(ROOT / "docs/operate/deployment.md", "vcl", "import directors"))
    # A server of varnishtest serves one connection, unless it dispatches. A fetch that begins before the one before has
    # given its connection back opens another, which such a server never accepts.
    one = "" if "-dispatch" in test.read_text() else " --one-connection"
    macros = {
        # Lease and fetch timeout are longer than any test takes on a busy machine, unless the test gives its own.
        "render": f"printf sesame >{tmp_path}/token; {sys.executable} -m stack.edges.vcl --token-file {tmp_path}/token"
        f" --lease 3600 --fetch-timeout 100{one}",
        "heartbeat": f"{sys.executable} -I -S {HERE}/heartbeat.py",
        "closes": f"{sys.executable} -I -S {HERE}/closes.py",
        "reckon": f"{HERE}/reckon.py",
        "python": sys.executable,
        "vcl": f"{tmp_path}/vcl",
        "token": f"{tmp_path}/token",
        "maps": f"{tmp_path}",
        "support": f"{ROOT}/tests/support",
        "parameters": ARGUMENTS,
        "listeners": f"-j none -a public=127.0.0.1:0 -a purge=127.0.0.1:0 {ARGUMENTS}",
    }
    # The tool of Vinyl Cache has another word for the server under test.
    program = varnish_program("varnishtest")
    script = tmp_path / test.name
    script.write_text(re.sub("^varnish v", f"{program.removesuffix('test')} v", test.read_text(), flags=re.MULTILINE))
    # -t limits the whole test, in seconds.
    command = [program, "-t", "240", *(f"-D{name}={value}" for name, value in macros.items()), str(script)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    ran = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{test.name}\n{ran.stdout[-20_000:]}\n{ran.stderr}"

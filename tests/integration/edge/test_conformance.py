"""The conformance suite on this project's edge: every check passes, and a mutation of the VCL fails its own checks.

The edges run side by side, and each suite mostly waits.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stack.edges.edge import Edge
from stack.processes.ports import free_port
from tests.conformance.bench import Bench, Cache
from tests.conformance.run import CHECKS, run
from tests.conformance.scripted_origin import ScriptedOrigin
from tests.conformance.verdict import Result, Verdict

#: The lease and the fail-safe TTL of the edges, in seconds. The lease outlasts two renewals that a busy machine holds
#: up: an edge in fail-safe mode rightly fetches what most checks want as a hit.
_LEASE, _TTL = 15.0, 1.0


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change of one file in varnish/takedown, and the checks that it must fail."""

    file: str = ""
    old: str = ""
    new: str = ""
    fails: set[str] = field(default_factory=set)
    #: Checks that a busy machine may make the same as one that fails: the head of an answer arrives after the purge.
    may_fail: set[str] = field(default_factory=set)


MUTATIONS = {
    "none": Mutation(),
    "no fence": Mutation(
        "fence.vcl",
        '    if (var.get("refused") != "") {\n        call takedown_fence_refuse;',
        '    if (var.get("refused") == "never") {\n        call takedown_fence_refuse;',
        {
            "fence: purge before the answer's head",
            "fence: answers with Takedown-Seen",
            "fence: waiting clients",
            "fence: codes",
            "fence: owners",
            "fence: digests",
            "fence: answers that have seen the purge",
            "a flush removes everything",
            "answers below the mark",
            "site fence: purge during the verdict",
            "site fence: purge before the bytes",
            "site fence: a verdict that has not seen the purge",
        },
        {"fence: purge within the answer's body", "site fence: purge within the bytes"},
    ),
    "no fence on the second leg": Mutation(
        "fence.vcl",
        '    if (var.get("refused") != "") {\n        call takedown_fence_refuse;',
        '    if (var.get("refused") != "" && var.get("leg") != "bytes") {\n        call takedown_fence_refuse;',
        {
            "site fence: purge during the verdict",
            "site fence: purge before the bytes",
            "site fence: a verdict that has not seen the purge",
        },
        {"site fence: purge within the bytes"},
    ),
    "content is not compared": Mutation(
        "legs.vcl",
        'if (var.get("said expect") != "" && (',
        'if (var.get("said expect") == "never" && (',
        {"site: other content under the URL"},
    ),
    "no token": Mutation(
        "token.vcl",
        'return (synth(403, "Forbidden: Authorization must be Bearer and a token of this edge"));',
        'std.log("accepted all the same");',
        {"token"},
    ),
    "bans instead of keys": Mutation(
        "purge.vcl",
        'var.set_int("removed", xkey.purge(var.get("tags")));',
        'std.ban("obj.http.xkey ~ (?:^|\\s)(?:" + regsuball(var.get("tags"), ",", "|") + ")(?:\\s|$)");',
        {"flat cost"},
    ),
    "age from the response": Mutation(
        "lease.vcl",
        'std.duration(real=std.real(time=now) - var.get_real("fetch began"))',
        "0s",
        {"lease over: age of hits"},
    ),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Result]]]:
    """Run the suite on an edge, and on one for each mutation the checks that it must fail, all at once."""
    with ExitStack() as running:
        benches = {}
        for name, mutation in MUTATIONS.items():
            address = f"127.0.0.1:{free_port()}"
            directory = tmp_path_factory.mktemp("edge")
            # A fetch that is late because the machine is busy would be a 503.
            # Varnish's lurker would test the objects against the bans of "bans instead of keys" before the hits do.
            late = {"ban_lurker_age": 3600}
            site_address = f"127.0.0.1:{free_port()}"
            settings: dict[str, Any] = {
                "lease": _LEASE,
                "fail_safe_ttl": _TTL,
                "fetch_timeout": 60,
                "site": site_address,
            }
            edge = Edge(directory, address, parameters=late, **settings)
            _mutate(edge, mutation)
            origin = running.enter_context(ScriptedOrigin(address))
            site = running.enter_context(ScriptedOrigin(site_address))
            running.enter_context(edge)
            cache = Cache.at(edge.url, edge.purge_url, edge.token_file, _LEASE, _TTL, "thumb")
            benches[name] = Bench(cache, origin, site)
        with ThreadPoolExecutor(len(benches)) as pool:
            chosen = [tuple(each.fails | each.may_fail) for each in MUTATIONS.values()]
            yield dict(zip(benches, pool.map(run, benches.values(), chosen), strict=True))


def _mutate(edge: Edge, mutation: Mutation) -> None:
    if mutation.file:
        path: Path = edge.vcl.parent / "takedown" / mutation.file
        text = path.read_text()
        assert text.count(mutation.old) == 1
        path.write_text(text.replace(mutation.old, mutation.new))


def test_this_edge_passes_every_check(results: dict[str, list[Result]]) -> None:
    assert len(results["none"]) == len(CHECKS) > 35
    assert [result for result in results["none"] if result.verdict != Verdict.PASS] == []


@pytest.mark.parametrize("name", [name for name in MUTATIONS if name != "none"])
def test_a_mutation_fails_its_checks(name: str, results: dict[str, list[Result]]) -> None:
    failed = {result.check: result.seen for result in results[name] if result.verdict != Verdict.PASS}
    mutation = MUTATIONS[name]
    assert failed.keys() - mutation.may_fail == mutation.fails, failed


def test_checks_have_names_of_their_own() -> None:
    names = [check.name for check in CHECKS]
    assert sorted(set(names)) == sorted(names)

"""Audit edges: each banned image that an edge serves is found, in any rendition, and no other is."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from purger.cli.main import cli
from purger.probing.audit import AuditResult, run_audit
from purger.probing.probe import ImageFiles, Probe, ProbeAnswer, ProbeTarget
from stack.databases.database import Database
from stack.processes.waiting import wait_until
from takedown_db.connection.lasting_connection import Connection
from tests.support.edges.misbehaving_listeners import stuck_listener, third_edge, third_varnish
from tests.support.sites.site_actions import Site


class LateProbe(Probe):
    """A probe after which codes in ``lifts`` are lifted, once an edge has served them."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site
        self.lifts: set[str] = set()

    def request(self, target: ProbeTarget, code: str, files: ImageFiles) -> ProbeAnswer:
        answer = super().request(target, code, files)
        if answer.served and code in self.lifts:
            self._site.lift(code)
        return answer


@pytest.fixture
def probe(site: Site) -> Iterator[LateProbe]:
    probe = LateProbe(site)
    yield probe
    probe.close()


@pytest.fixture
def connection(site: Site) -> Iterator[Connection]:
    connection = Connection(site.stack.database.url("purger"), timeout=60)
    yield connection
    connection.close()


def test_an_audit_asks_for_every_rendition(site: Site, connection: Connection, probe: Probe) -> None:
    code, edge = site.new_image(), site.stack.edges[1]
    site.wait_hit(f"{code}/thumb", edge)
    site.ban_unseen(code)
    assert site.answer(code, edge).status_code == 410, "this edge holds the thumbnail alone"
    served = {
        (one.edge, one.renditions) for one in run_audit(connection, probe, sample=None).served if one.code == code
    }
    assert (edge.edge_name, ("thumb",)) in served
    site.wait_gone(f"{code}/thumb", edge)


def test_an_image_that_is_lifted_while_it_is_probed_is_no_finding(
    site: Site, connection: Connection, probe: LateProbe
) -> None:
    lifted, banned = site.new_image(), site.new_image()
    for code in (lifted, banned):
        site.ban_unseen(code)
    probe.lifts.add(lifted)
    served = {one.code for one in run_audit(connection, probe, sample=None).served}
    assert banned in served
    assert lifted not in served
    assert site.number("SELECT COUNT(*) FROM bans WHERE lifted_at IS NOT NULL AND subject = '" + lifted + "'") == 1
    resent = "SELECT COUNT(*) FROM invalidations WHERE cause = 'resend' AND subject = '{}'"
    assert (site.number(resent.format(banned)), site.number(resent.format(lifted))) == (1, 0)


def test_an_audit_of_an_owner_is_one_of_his_images_alone(site: Site, connection: Connection, probe: Probe) -> None:
    owner = site.new_owner()
    his, others = site.new_image(owner), [site.new_image(f"{owner}0"), site.new_image(f"0{owner}")]
    site.ban_unseen(owner, scope="owner")
    served = {one.code for one in run_audit(connection, probe, sample=None).served}
    assert his in served
    assert not served & set(others)
    site.wait_gone(his)
    assert all(site.is_hit(code) for code in others)


def test_an_audit_of_a_digest_is_one_of_the_images_that_have_it(
    site: Site, connection: Connection, probe: Probe
) -> None:
    owner = site.new_owner()
    first, other = site.new_image(owner), site.new_image(owner)
    copies = [first, site.new_copy(first)]
    site.ban_unseen(site.digest_of(first), scope="digest")
    served = {one.code for one in run_audit(connection, probe, sample=None).served}
    assert served >= set(copies)
    assert other not in served
    for code in copies:
        site.wait_gone(code)
    assert site.is_hit(other)


def test_an_edge_that_answers_503_has_told_nothing_and_is_asked_for_the_others(
    site: Site, connection: Connection, probe: Probe
) -> None:
    failing, shown = site.new_image(), site.new_image()
    shown_by_all = site.get(shown).content
    with (
        third_varnish(site) as edge,
        stuck_listener(shown_by_all, failing=failing, edge=edge) as public_url,
        third_edge(site, edge, public_url),
    ):
        for code in (failing, shown):
            site.ban_unseen(code)

        def third_fails() -> AuditResult | None:
            # Another edge answers 503 where the database is held up for 2 s.
            found = run_audit(connection, probe, sample=None)
            return found if found.unreachable.keys() == {"third"} else None

        found = wait_until(third_fails, "an audit in which one edge alone fails")
        assert found.unreachable == {"third": "the edge answered 503"}
        assert found.probes == found.codes * 3 - 1
        assert ("third", shown) in {(one.edge, one.code) for one in found.served}
        command = site.stack.purger.run("audit")
        assert "no answer: edge third: the edge answered 503" in command.stdout
    for code in (failing, shown):
        site.wait_gone(code)


def test_an_audit_that_asks_nobody_is_no_clean_one(database: Database) -> None:
    with database.connect_admin() as admin, admin.cursor() as cursor:
        cursor.execute(
            "INSERT INTO edges (name, purge_url, public_url, token_file, enabled) VALUES ('asleep', 'p', 'q', 't', 0)"
        )
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'abc')")
    ran = CliRunner().invoke(cli, ["audit", "--database-url", database.url("purger")])
    assert ran.exit_code == 3
    assert "not asked: edge asleep: it is disabled\nno edge was asked" in ran.output

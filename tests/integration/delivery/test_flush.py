"""Run ``purger flush``: the right edges are emptied, at the right time, with the right report."""

from click.testing import CliRunner, Result

from purger.cli.main import cli
from stack.processes.server import frozen
from stack.processes.waiting import wait_until
from tests.support.edges.fleet import Fleet
from tests.support.sites.site_actions import Site


def flush(fleet: Fleet, *arguments: str, code: int = 0) -> Result:
    """Run `purger flush` with the purger's URL; it has to end with this exit code."""
    result = CliRunner().invoke(cli, ["flush", "--database-url", fleet.database.url("purger"), *arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def pending(fleet: Fleet) -> int:
    return fleet.number("SELECT COUNT(*) FROM edges WHERE flush_asked > flush_done")


def test_a_flush_empties_the_edge_twice_and_says_who_asked(fleet: Fleet) -> None:
    before = fleet.bans_added()
    out = flush(fleet, "edge1", "--by", "an\nna \x1b[2J", "--wait", "60").stdout
    assert out == "edge edge1: flushed\n"
    assert fleet.bans_added() == before + 2
    fleet.logged(r"edge edge1 is flushed: asked for by an\nna \x1b[2J")
    assert pending(fleet) == 0
    fleet.ban()
    fleet.settle()
    assert fleet.log().count("is flushed") == 1


def test_each_request_is_a_flush(fleet: Fleet) -> None:
    for _ in range(2):
        flush(fleet, "--all", "--wait", "60")
    fleet.logged("edge edge1 is flushed: asked for", times=2)


def test_a_request_outlives_a_restart_and_is_carried_out_once(fleet: Fleet) -> None:
    fleet.purger.stop()
    # A purger that stops deletes its row; after a kill the row counts as a sign of life for some seconds more.
    result = flush(fleet, "edge1", "--wait", "0", code=3)
    assert "no purger is alive" in result.stderr
    assert result.stdout == "edge edge1: not flushed\n"
    assert flush(fleet, "--all", code=3).stdout == "edge edge1: asked for\n"
    fleet.purger.start()
    fleet.logged("edge edge1 is flushed: asked for by")
    wait_until(lambda: pending(fleet) == 0, "the flush is recorded")
    fleet.purger.stop()
    fleet.purger.start()
    fleet.edge.wait_trusted()
    fleet.ban()
    fleet.settle()
    fleet.logged("edge edge1 is flushed")


def test_an_edge_that_is_away_is_flushed_when_it_is_back(fleet: Fleet) -> None:
    with frozen(fleet.edge):
        wait_until(
            lambda: fleet.number("SELECT COUNT(*) FROM edges WHERE problem IS NOT NULL") == 1, "the edge is missed"
        )
        out = flush(fleet, "edge1", "--wait", "0", code=3).stdout
        assert out.startswith("edge edge1: not flushed (")
        assert pending(fleet) == 1
    wait_until(lambda: pending(fleet) == 0, "the flush is carried out")
    fleet.logged("edge edge1 is flushed: asked for by")


def test_a_disabled_edge_is_flushed_when_it_is_enabled(fleet: Fleet) -> None:
    fleet.purger.run("edge", "disable", "edge1").check_returncode()
    try:
        fleet.logged("edge edge1 is no longer followed")
        said = "edge edge1: disabled; it is flushed when it is enabled\n"
        assert flush(fleet, "edge1", "--wait", "60", code=3).stdout == said
        assert flush(fleet, "--all", "--wait", "60").stdout == said
    finally:
        fleet.purger.run("edge", "enable", "edge1").check_returncode()
    fleet.logged("edge edge1 is flushed: asked for by")
    wait_until(lambda: pending(fleet) == 0, "the flush is recorded")


def test_a_request_after_a_backup_was_restored_is_not_taken_for_done(fleet: Fleet) -> None:
    flush(fleet, "edge1", "--wait", "60")
    fleet.sql("UPDATE edges SET flush_asked = 0")
    flush(fleet, "edge1", "--wait", "60")
    fleet.logged("edge edge1 is flushed: asked for", times=2)


def test_an_edge_that_was_removed_and_added_is_flushed_on_request(fleet: Fleet) -> None:
    flush(fleet, "edge1", "--wait", "60")
    fleet.sql("UPDATE edges SET flush_asked = 0, flush_done = 0")
    flush(fleet, "edge1", "--wait", "60")
    fleet.logged("edge edge1 is flushed: asked for", times=2)


def test_what_names_no_edge_flushes_nothing(fleet: Fleet) -> None:
    assert "no edge nowhere" in flush(fleet, "edge1", "nowhere", code=1).stderr
    for arguments in ([], ["--all", "edge1"], ["edge1", "--wait", "nan"]):
        flush(fleet, *arguments, code=2)
    assert pending(fleet) == 0
    assert "flushed" not in fleet.log()


def test_what_a_changed_special_image_leaves_behind_is_fetched_anew(site: Site) -> None:
    """Replace the special image: an edge keeps the old one for a day unless it is flushed."""
    code = site.new_image()
    site.ban(code)
    site.wait_gone(code)
    site.stack.settle()
    # A probe that comes late would bring the special image back into the cache that was flushed.
    probed = f"""SELECT COUNT(*) FROM sightings JOIN invalidations ON invalidations.id = sightings.invalidation
        WHERE invalidations.subject = '{code}' AND sightings.gone"""
    wait_until(lambda: site.number(probed) == len(site.stack.edges), "a probe of the ban at each edge")
    wait_until(lambda: site.is_hit(code), "the special image in the cache")
    result = site.stack.purger.run("flush", "--all", "--wait", "60")
    assert result.returncode == 0, result.stderr
    assert not site.is_hit(code)
    assert site.answer(code).status_code == 410


def test_an_image_is_purged_at_every_edge_without_a_ban(site: Site) -> None:
    code, other = site.new_image(), site.new_image()
    edges, images = site.stack.edges, (code, other)

    def fetched() -> dict[tuple[str, str], str]:
        """Return when each edge fetched each image. After a purge a probe may be the first to have it fetched."""
        return {(each, edge.name): site.get(each, edge).headers["Date"] for each in images for edge in edges}

    before = fetched()
    wait_until(lambda: all(int(site.get(each, edge).headers["Age"]) > 1 for each in images for edge in edges), "age")
    url = f"https://site.example/images/{code}/thumb?size=2"
    result = site.stack.purger.run("flush", "--image", url, "--wait", "60")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "".join(f"edge {edge.name}: acknowledged\n" for edge in edges)
    assert f"is taken for its code {code}" in result.stderr
    after = fetched()
    assert {key for key, date in after.items() if date != before[key]} == {(code, edge.name) for edge in edges}
    assert site.answer(code).status_code == 200
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE subject = '{code}'") == 0
    assert "purged again" in site.stack.purger.run("receipts", code).stdout


def test_a_purge_of_an_image_says_what_hinders_it(fleet: Fleet) -> None:
    flush(fleet, "edge1", "--image", "code", code=2)
    assert "--by is for edges" in flush(fleet, "--image", "code", "--by", "anna", code=2).stderr
    assert "no image was imported by this name" in flush(fleet, "--image", "no/name", code=2).stderr
    fleet.purger.stop()
    result = flush(fleet, "--image", "gone", code=3)
    assert result.stdout == "image gone: purge asked for\n"
    assert "no image has the code gone" in result.stderr
    assert "the purge is committed, but no purger is alive" in result.stderr
    fleet.purger.start()
    assert flush(fleet, "--image", "gone", "--wait", "60").stdout == "edge edge1: acknowledged\n"

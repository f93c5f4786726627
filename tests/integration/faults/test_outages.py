"""Stop the database or an edge, or let it answer badly: the purger logs the problem once, and goes on afterwards."""

from stack.edges.edge import Edge
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.edges.fleet import LEASE, Fleet
from tests.support.edges.misbehaving_listeners import raw_listener


def test_an_edge_that_is_away_is_a_problem_once_and_gets_everything_later(fleet: Fleet) -> None:
    fleet.edge.pause()
    fleet.ban()
    fleet.logged("edge edge1 is too slow")
    wait_until(lambda: fleet.sql("SELECT problem IS NOT NULL FROM edges") == [(1,)], "the problem in the database")
    fleet.edge.resume()
    fleet.logged("edge edge1 is no longer too slow")
    fleet.settle()
    fleet.edge.wait_trusted()
    wait_until(lambda: fleet.sql("SELECT problem FROM edges") == [(None,)], "no problem in the database")


def test_a_dead_edge_delays_no_other_and_is_taken_up_when_it_comes(fleet: Fleet) -> None:
    late = Edge(fleet.directory / "late", "127.0.0.1:1", name="late", lease=LEASE)
    fleet.purger.add_edge(late, "--unreachable")
    fleet.logged("edge late is unreachable")
    fleet.ban()
    done = "SELECT COUNT(*) FROM edges JOIN numbering WHERE name = 'edge1' AND rebounded = last_batch"
    wait_until(lambda: fleet.number(done) == 1, "the other edge has everything")
    with late:
        late.wait_trusted()
        fleet.logged("edge late is flushed: it is new")
        fleet.logged("edge late is no longer unreachable")
        fleet.purger.run("edge", "remove", "late").check_returncode()
        wait_until(lambda: not late.trusted(), "an edge that was removed stops trusting its cache")
    fleet.logged("edge late is no longer followed")


def test_a_wrong_token_is_a_refusal_until_it_is_right(fleet: Fleet) -> None:
    token = fleet.edge.token_file.read_text()
    fleet.purger.stop()
    fleet.edge.token_file.write_text("wrong\n")
    try:
        fleet.purger.start()
        fleet.logged("edge edge1 is refused: 403")
    finally:
        fleet.edge.token_file.write_text(token)
    fleet.logged("edge edge1 is no longer refused")
    fleet.ban()
    fleet.settle()


def test_a_frozen_database_ends_trust_and_is_a_problem_once(fleet: Fleet) -> None:
    fleet.database.pause()
    try:
        fleet.logged("the database is unusable")
        wait_until(lambda: not fleet.edge.trusted(), "the edge stops trusting its cache")
    finally:
        fleet.database.resume()
    fleet.logged("the database is no longer unusable")
    fleet.edge.wait_trusted()
    fleet.ban()
    fleet.settle()
    assert fleet.log().count("ERROR") == 1


def test_a_database_that_is_away_at_the_start_is_waited_for(fleet: Fleet) -> None:
    fleet.purger.stop()
    fleet.database.stop()
    try:
        fleet.purger.start()
        fleet.logged("the database is unusable")
    finally:
        fleet.database.start()
    fleet.admin = fleet.connect_admin()
    fleet.edge.wait_trusted()
    fleet.ban()
    fleet.settle()


def test_a_database_without_the_schema_is_told_what_to_do(fleet: Fleet) -> None:
    fleet.purger.stop()
    fleet.sql("RENAME TABLE numbering TO elsewhere")
    try:
        fleet.purger.start()
        fleet.logged("run `purger migrate`")
    finally:
        fleet.sql("RENAME TABLE elsewhere TO numbering")
    fleet.edge.wait_trusted()


def test_an_edge_that_never_ends_its_answer_does_not_hold_up_the_list(fleet: Fleet) -> None:
    with raw_listener(b"HTTP/1.1 200 OK\r\nX: ", drip=b"x", every=0.5) as (url, asked):
        fleet.purger.run(
            *("edge", "add", "drip", "--unreachable", "--purge-url", url, "--public-url", url),
            *("--token-file", str(fleet.edge.token_file)),
        ).check_returncode()
        fleet.logged("edge drip is followed")
        assert asked.wait(PATIENCE)
        fleet.purger.run("edge", "remove", "drip").check_returncode()
        wait_until(lambda: "edge drip is no longer followed" in fleet.log(), "the list goes on")


def test_a_probe_of_an_edge_that_never_ends_its_answer_does_not_hold_up_the_end(fleet: Fleet) -> None:
    own = fleet.edge.url
    with raw_listener(b"HTTP/1.1 200 OK\r\n", drip=b"X: x\r\n", every=2.0) as (url, asked):
        fleet.purger.run("edge", "set", "edge1", "--public-url", url).check_returncode()
        try:
            fleet.logged("edge edge1 has changed")
            fleet.ban()
            assert asked.wait(PATIENCE)
            process = fleet.purger.process
            assert process is not None
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            fleet.purger.stop()
            fleet.purger.run("edge", "set", "edge1", "--public-url", own).check_returncode()
            fleet.purger.start()
    fleet.edge.wait_trusted()

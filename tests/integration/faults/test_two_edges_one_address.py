"""Put two varnishds behind one address: purges reach one of them, so neither gets a heartbeat."""

from pathlib import Path

from stack.processes.waiting import wait_until
from tests.chaos.system.system_with_proxies import System
from tests.support.edges.cloned_edge import instance_of


def test_two_varnishds_that_take_turns_at_one_address_are_told_and_not_trusted(tmp_path: Path) -> None:
    with System(tmp_path, edges=1, lease=2, fail_safe_ttl=1) as system, system.sibling(system.edges[0]) as sibling:
        edge = system.edges[0]
        # The purger's connection breaks, and the next one leads to the other varnishd.
        system.purge_proxy(edge).turn_to(sibling.purge_port, edge.purge_port)
        wait_until(lambda: "in turn" in system.purger.log_text(), "the purger says that two answer in turn")
        for each in (edge, sibling):
            assert instance_of(each) in system.purger.log_text()

        def named() -> bool:
            status = system.purger.run("status", "--json")
            return status.returncode == 3 and "in turn" in status.stdout

        wait_until(named, "`purger status` names both")
        wait_until(lambda: not edge.trusted() and not sibling.trusted(), "both leases are over")
        beats = [each.ask("HEARTBEAT").headers.get("Takedown-Epoch") for each in (edge, sibling)]
        system.pause(2)
        assert [each.ask("HEARTBEAT").headers.get("Takedown-Epoch") for each in (edge, sibling)] == beats

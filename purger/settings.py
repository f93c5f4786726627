"""The settings of ``purger run``, each with its unit and its reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All times in seconds."""

    database_url: str
    database_timeout: int = 2
    # Half of it is what a ban waits on average. At 3 ms the server uses about 6 % of a core and the purger 1 %.
    poll_interval: float = 0.003
    # Well under the lease (10 s), so that a few may be lost.
    heartbeat_interval: float = 1.0
    # The second sending must come within G1's second, and after every fetch that overtook the first.
    rebound_delay: float = 0.5
    # Each purge is sent once more for a thread of the edge's varnishd that stood still for so long.
    later_rebound_delay: float = 5.0
    last_rebound_delay: float = 60.0
    connect_timeout: float = 1.0
    # An edge answers in a millisecond; one that needs longer than this is as good as away.
    read_timeout: float = 3.0
    # First and longest wait between tries. The longest is the delay at most after an edge comes back.
    retry_first: float = 0.1
    retry_longest: float = 3.0
    # How often the list of edges is read again.
    edges_interval: float = 1.0
    # Acknowledgements of many edges go to the database together.
    record_delay: float = 0.05
    # Days that changes stay in the outbox. An edge that was away for longer is flushed.
    retention_days: int = 30
    # Days that bans and lifts stay there, with their receipts: what a court asks for a year later.
    receipt_retention_days: int = 400
    prune_interval: float = 60.0
    audit_interval: float = 300.0
    # Codes, each asked for in all its renditions at every edge.
    audit_sample: int = 5

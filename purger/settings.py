"""Defines the settings of ``purger run``: each with its unit, its default and the reason for the default."""

from dataclasses import dataclass

from takedown_base.listen_address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one purger. All times in seconds, but for the two retentions."""

    #: The URL of the moderation database, with the purger's account.
    database_url: str

    #: Time-out of a statement, and of a connection to the database.
    database_timeout: int = 2

    #: A ban waits half of it on average. At 1 ms the server uses about 7 % of a core, the purger 2 %.
    poll_interval: float = 0.001

    #: Well under the lease (10 s), so that a few heartbeats may be lost.
    heartbeat_interval: float = 1.0

    #: The rebound must come within G1's second, and after every fetch that overtook the purge.
    rebound_delay: float = 0.5

    #: Each purge is sent once more after these, for a thread of the edge's varnishd that was held up for as long.
    later_rebound_delay: float = 5.0
    last_rebound_delay: float = 60.0

    #: Time-out of a TCP connection to an edge, and of the TLS handshake after it.
    connect_timeout: float = 1.0

    #: Time-out of one request. An edge answers in a millisecond; one that takes longer than this counts as unreachable.
    read_timeout: float = 3.0

    #: First and longest wait between tries. The longest is the longest delay after an edge comes back.
    retry_first: float = 0.1
    retry_longest: float = 3.0

    #: Interval at which the list of edges is read again.
    edges_interval: float = 1.0

    #: Acknowledgements of many edges within this time are written in one transaction.
    record_delay: float = 0.05

    #: Days that changes stay in the outbox. An edge that was away for longer is flushed.
    retention_days: int = 30

    #: Days that bans and lifts stay there, with their receipts: a court asks for them a year later.
    receipt_retention_days: int = 400

    #: Interval at which rows past their retention are removed.
    prune_interval: float = 60.0

    #: Interval at which a sample of banned images is audited.
    audit_interval: float = 300.0

    #: Codes in a sample, each requested in all its renditions at every edge.
    audit_sample: int = 5

    #: Address of the listener for monitoring. None: no listener, as metrics show strangers too much.
    metrics: Address | None = None

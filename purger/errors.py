"""The ways in which a delivery to an edge fails, as types: each kind asks for something else."""


class DeliveryError(Exception):
    """An edge did not acknowledge a request. ``kind`` names the type in logs and in ``edges.problem``."""

    kind = "failed"


class UnreachableError(DeliveryError):
    """No connection to the purge listener, or it broke off before the answer."""

    kind = "unreachable"


class UntrustedError(DeliveryError):
    """TLS: the edge is not proven to be the one that was meant, or does not take the purger's certificate."""

    kind = "untrusted"


class SlowError(DeliveryError):
    """Connected, but no answer within the read time-out. The request may have been carried out."""

    kind = "too slow"


class FailingError(DeliveryError):
    """A 5xx answer."""

    kind = "failing"


class RefusedError(DeliveryError):
    """A 4xx or 3xx answer other than the two below, or an answer that no purge listener of ours gives."""

    kind = "refused"


class MalformedError(DeliveryError):
    """400: the edge does not understand the request, and will not at the next try either."""

    kind = "malformed"


class OtherInstanceError(DeliveryError):
    """412, or a position that was not expected: not the varnishd whose progress is known, or no longer where it was."""

    kind = "another instance"


class SeveralInstancesError(DeliveryError):
    """Two varnishds answer at one address in turn: neither hears of all purges."""

    kind = "several instances"

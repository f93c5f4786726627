"""Defines the errors of requests to an edge, one type for each remedy."""


class DeliveryError(Exception):
    """A request without an acknowledgement.

    ``kind`` names the type in the column ``edges.problem`` and completes "edge NAME is ..." in the log.
    """

    kind = "failed"


class UnreachableError(DeliveryError):
    """No connection to the purge listener, or it broke off before the answer."""

    kind = "unreachable"


class UntrustedError(DeliveryError):
    """A TLS connection to an edge that does not prove its name, or does not accept the purger's certificate."""

    kind = "untrusted"


class SlowError(DeliveryError):
    """No answer within the read time-out, over an open connection. The request may have been carried out."""

    kind = "too slow"


class FailingError(DeliveryError):
    """A 5xx answer."""

    kind = "failing"


class RefusedError(DeliveryError):
    """Any other 3xx or 4xx answer (not 400, not 412), or an answer that is not of a purge listener."""

    kind = "refused"


class AddressRefusedError(DeliveryError):
    """A 403 answer to an address that is not in the edge's ACL."""

    kind = "closed to this address"


class MalformedError(DeliveryError):
    """A 400 answer: the edge does not understand the request, so that to try again is no use."""

    kind = "malformed"


class OtherInstanceError(DeliveryError):
    """A 412 answer or an unexpected position: another varnishd answers, or it has gone back."""

    kind = "another instance"


class SeveralInstancesError(DeliveryError):
    """Two varnishds that answer at one address in turn, so that neither gets all purges."""

    kind = "several instances"

"""Sums up the rows of the outbox of each batch, so that the batch's leaf pins down every one of them."""

import json
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from typing import NamedTuple

from purger.signed_log.entries import time_text


class BatchedPurge(NamedTuple):
    """A row of `invalidations` that has its batch. Times are UTC."""

    batch: int
    id: int
    scope: str
    subject: str
    cause: str
    ban_id: int | None
    written_at: datetime | None


def purge_digests(rows: Iterable[BatchedPurge]) -> dict[int, str]:
    """Return the SHA-256 in hex of each batch's rows, which come by batch and id.

    It is that of a JSON array of arrays, without spaces: id, scope, subject, cause, ban (or null) and time of each row.
    """
    digests = {}
    for batch, purges in groupby(rows, key=lambda row: row.batch):
        listed = [(row.id, row.scope, row.subject, row.cause, row.ban_id, time_text(row.written_at)) for row in purges]
        digests[batch] = sha256(json.dumps(listed, separators=(",", ":")).encode()).hexdigest()
    return digests

"""What the whole fleet looks like now: the database's view, and each edge's own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from purger.delivery import Delivery
from purger.errors import DeliveryError
from purger.link import Link
from purger.model import Edge
from purger.queue import Queue

_AT_ONCE = 16


def status(link: Link, *, connect_timeout: float = 1.0, read_timeout: float = 3.0) -> dict[str, Any]:
    """The state of the database and of every enabled edge. Raises ``DatabaseUnavailableError``.

    ``pending`` counts committed changes without a number, ``lag`` the batches that an edge has not acknowledged.
    ``mode`` is what the edge itself says now, or None when it gave no answer; then ``problem`` says why.
    """
    head, numbered_at, pruned, pending = link.rows("status")[0]
    edges = [row for row in link.rows("edge_list") if row[4]]
    ask = _asker(connect_timeout, read_timeout)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(ask, [Edge(*row[:4], *row[-3:]) for row in edges]))
    return {
        "database": {
            "pending": pending,
            "head": head,
            "numbered_at": numbered_at,
            "pruned": pruned,
            "missing_triggers": list(Queue(link).triggers().missing),
        },
        "edges": [_edge(row, answer, head) for row, answer in zip(edges, answers, strict=True)],
    }


def _asker(connect_timeout: float, read_timeout: float) -> Callable[[Edge], dict[str, Any]]:
    def ask(edge: Edge) -> dict[str, Any]:
        delivery = Delivery(edge, connect_timeout=connect_timeout, read_timeout=read_timeout)
        try:
            answer = delivery.ask()
        except DeliveryError as error:
            return {"mode": None, "problem": f"{error.kind}: {error}"}
        finally:
            delivery.close()
        return {"mode": answer.mode, "instance": answer.instance}

    return ask


def _edge(row: tuple[Any, ...], answer: dict[str, Any], head: int) -> dict[str, Any]:
    name, purge_url, public_url, _, _, instance, acknowledged, seen_at, epoch, problem = row[:10]
    return {
        "name": name,
        "purge_url": purge_url,
        "public_url": public_url,
        "mode": answer["mode"],
        "instance": answer.get("instance", instance),
        "acknowledged": acknowledged,
        "lag": max(0, head - acknowledged),
        "seen_at": seen_at,
        "epoch": epoch,
        "problem": answer.get("problem") or problem,
    }

"""Tells when a table is about to have no id left for its next row: then every ban fails (error 1467)."""

from collections.abc import Iterable

#: The largest id of BIGINT UNSIGNED.
LARGEST = 2**64 - 1

#: Fewer than this are too few. Rows do not use up so many: one was written with a huge id, by mistake or by malice.
FEW = 2**32


def few_ids(rows: Iterable[tuple[object, ...]]) -> list[str]:
    """Say for which tables few ids are left, a line each, from the rows of the statement ``ids_left``."""
    return [
        f"{table} has {left} ids left: after that every ban fails (error 1467). As admin delete the rows of {table} "
        f"with an id over {LARGEST - FEW}, then ALTER TABLE {table} AUTO_INCREMENT = 1 to go on after the largest left"
        for table, next_id, largest in rows
        if (left := LARGEST - max(int(str(next_id)), int(str(largest)))) < FEW
    ]

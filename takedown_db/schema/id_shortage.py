"""Warns of a table that has few ids left: without one for the next row every ban fails (error 1467)."""

from collections.abc import Iterable

#: The largest id of BIGINT UNSIGNED.
LARGEST = 2**64 - 1

#: Warn below this number of ids. Mere rows do not use up so many: one has a huge id, by mistake or by malice.
FEW = 2**32


def few_ids(rows: Iterable[tuple[object, ...]]) -> list[str]:
    """Warn of each table that has few ids left, a line each. Takes the rows of the statement ``ids_left``."""
    return [
        f"{table} has {left} ids left: after that every ban fails (error 1467). As admin delete the rows of {table} "
        f"with an id over {LARGEST - FEW}, then ALTER TABLE {table} AUTO_INCREMENT = 1 to go on after the largest left"
        for table, next_id, largest in rows
        if (left := LARGEST - max(int(str(next_id)), int(str(largest)))) < FEW
    ]

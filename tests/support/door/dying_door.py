"""Run a door that is killed while it carries out an order: ``python -m`` with the arguments of `purger`.

The variable ``DIES`` names the function after which it dies: ``find_ordered``, which is before the order's transaction,
or ``place_order``, which is between its COMMIT and the answer.
"""

import os
import signal
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from purger.cli.main import main
from purger.door.orders import find_ordered, place_order

_PLACES: dict[str, tuple[str, Callable[..., object]]] = {
    "find_ordered": ("purger.door.orders.find_ordered", find_ordered),
    "place_order": ("purger.door.takedowns.place_order", place_order),
}


if __name__ == "__main__":
    place, function = _PLACES[os.environ["DIES"]]

    def _work_and_die(*arguments: Any, **named: Any) -> None:
        function(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    with patch(place, _work_and_die):
        main()

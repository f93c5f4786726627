"""Run a door that is killed between the COMMIT of an order and its answer: ``python -m`` with arguments of `purger`."""

import os
import signal
from typing import Any
from unittest.mock import patch

from purger.cli.main import main
from purger.door.orders import place_order


def _place_and_die(*arguments: Any) -> None:
    place_order(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    with patch("purger.door.takedowns.place_order", _place_and_die):
        main()

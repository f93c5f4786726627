"""Defines the type of options that take an address to listen on, for both command lines."""

from typing import Any

import click

from takedown_base.listen_address import Address, parse_address


class AddressType(click.ParamType[Address]):
    """HOST:PORT, or a mere port where there is a default host."""

    name = "HOST:PORT"

    def __init__(self, host: str | None = None) -> None:
        self._host = host

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """Read an address. Fails with the reason, which click shows."""
        try:
            return value if isinstance(value, Address) else parse_address(value, host=self._host)
        except ValueError as error:
            self.fail(str(error), param, ctx)

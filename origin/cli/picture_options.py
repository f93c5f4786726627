"""Defines the options that limit pictures (bytes, pixels, time), for ``origin import`` and ``origin ingest``."""

import functools
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, cast

import click

from origin.cli.options import Command, setting
from origin.cli.renditions import renditions_option
from origin.importing.rules import ImportRules

_DEFAULTS = ImportRules()


def picture_options(prefix: str) -> Callable[[Command], Command]:
    """Declare the options, with variables of this prefix. The command takes all of them together, as ``rules``.

    Without the library for pictures the command ends: an origin that only serves has none.
    """

    def declared(command: Command) -> Command:
        @functools.wraps(command)
        def with_rules(metadata: str, **arguments: Any) -> Any:
            if find_spec("PIL") is None:
                raise click.ClickException("the library Pillow is missing, which ./dev install brings")
            names = ("renditions", "max_bytes", "max_pixels", "decode_time")
            rules = ImportRules(strip=metadata == "strip", **{name: arguments.pop(name) for name in names})
            return command(rules=rules, **arguments)

        return functools.reduce(lambda inner, option: option(inner), options, cast(Command, with_rules))

    number = functools.partial(setting, prefix=prefix, type=click.IntRange(min=1))
    options = (
        renditions_option,
        number(
            "--decode-time",
            "Seconds of processor time that opening one picture may take, and making its renditions. Then it is"
            " refused.",
            default=_DEFAULTS.decode_time,
        ),
        number(
            "--max-pixels",
            "Width times height of the largest picture; half of it for AVIF, a third for WebP. Each pixel takes up to 6"
            " bytes of memory.",
            default=_DEFAULTS.max_pixels,
        ),
        number(
            "--max-bytes",
            "Bytes of the largest file. Keep it well below the cache of an edge: one larger file would push many others"
            " out.",
            default=_DEFAULTS.max_bytes,
        ),
        setting(
            "--metadata",
            "Remove place, camera, comments and previews from the files, or keep them, where everybody can read them."
            " Files in place are served as they are.",
            prefix=prefix,
            type=click.Choice(["strip", "keep"]),
            default="strip",
        ),
    )
    return declared

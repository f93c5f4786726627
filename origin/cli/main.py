"""Defines the command line ``origin``."""

import logging

import click

from takedown_base.log_format import set_up_logging
from takedown_base.options import Program

#: The module of each command, with the function ``NAME_command``.
_MODULES = {name: f"origin.cli.{name}" for name in ("erase", "ingest", "renditions", "rules", "serve", "verify")} | {
    "import": "origin.cli.import_"
}


@click.group(
    cls=Program,
    functions={name: f"{module}:{name}_command" for name, module in _MODULES.items()},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="edge-takedown")
def main() -> None:
    """Serve images that can be taken down at once: the origin behind the edge."""
    set_up_logging("text")
    # The driver logs at each connection how it logs in.
    logging.getLogger("mysql.connector").setLevel(logging.WARNING)

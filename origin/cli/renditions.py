"""`origin renditions`: prints the table of renditions. Also the option ``--renditions`` of other commands."""

from pathlib import Path

import click

from origin.cli.options import setting
from origin.importing.renditions import Reduced, read_table, vcl_lines
from takedown_base.options import Parsed

renditions_option = setting(
    "--renditions",
    "TOML file with the reduced renditions of each image: a section for each, such as [thumb], with width and height in"
    ' pixels and, if wanted, format and quality, a line each, such as width = 256 and format = "webp". An empty file'
    " makes none. Without it, only thumb. `origin renditions` shows the table.",
    type=Parsed("FILE", lambda text: read_table(Path(text))),
    default=read_table(None),
    show_default=False,
)


_EXAMPLES = """\b
Examples:
origin renditions
origin renditions --renditions /etc/edge-takedown/renditions.toml"""


@click.command("renditions", epilog=_EXAMPLES)
@renditions_option
def renditions_command(renditions: tuple[Reduced, ...]) -> None:
    """Show the reduced renditions that imports make, and the lines of default.vcl that let an edge show them."""
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "width", "height", "format", "quality", box=None, pad_edge=False, header_style="")
    for each in renditions:
        quality = "the encoder's" if each.quality is None else str(each.quality)
        table.add_row(each.name, str(each.width), str(each.height), each.format or "the original's", quality)
    Console(highlight=False).print(table)
    click.echo(f"\nIn default.vcl of every edge:\n\n{vcl_lines(renditions)}")

"""`purger vcl`: writes out the VCL that an edge runs."""

from pathlib import Path

import click

from takedown_base.printable import printable

#: The files that a site edits. Each is left as it is unless ``--force`` says otherwise.
_SITE_FILES = ("default.vcl", "parameters.cli")

#: Permissions of written files and directories: varnishd compiles VCL as another user than the one who writes it.
_FILE_MODE, _DIRECTORY_MODE = 0o644, 0o755

_EXAMPLES = """\b
Examples:
purger vcl /etc/varnish
purger vcl /tmp/new && diff -u /etc/varnish/default.vcl /tmp/new/default.vcl"""


def packaged_vcl() -> Path:
    """Return the directory that holds `default.vcl`: beside this package when installed, else in the checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "varnish"
    return installed if installed.is_dir() else package.parent / "varnish"


@click.command(epilog=_EXAMPLES)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--force", is_flag=True, help="Overwrite default.vcl and parameters.cli, although a site may have edited them."
)
def vcl(directory: Path, force: bool) -> None:
    """Write default.vcl, parameters.cli and takedown/*.vcl of this version to DIR, for varnishd on an edge's machine.

    The directory is made if it is missing. Exit code 1 says that default.vcl or parameters.cli in DIR differ from those
    of this version, so that nothing was written, or that a file cannot be read or written.
    """
    source = packaged_vcl()
    files = [source / name for name in _SITE_FILES] + sorted(source.glob("takedown/*.vcl"))
    texts = {file.relative_to(source): file.read_bytes() for file in files}
    try:
        edited = [name for name in _SITE_FILES if _differs(directory / name, texts[Path(name)])]
        if edited and not force:
            raise click.ClickException(_refusal(directory, edited))
        _write(directory, texts)
    except OSError as error:
        raise click.ClickException(f"{printable(str(error.filename))}: {error.strerror}") from error
    click.echo(_next_steps(directory, len(texts)))


def _differs(file: Path, text: bytes) -> bool:
    """Tell whether a file exists and holds anything but ``text``."""
    try:
        return file.read_bytes() != text
    except FileNotFoundError:
        return False


def _write(directory: Path, texts: dict[Path, bytes]) -> None:
    for made in (directory, directory / "takedown"):
        if not made.is_dir():
            made.mkdir(parents=True)
            made.chmod(_DIRECTORY_MODE)
    for name, text in texts.items():
        file = directory / name
        file.write_bytes(text)
        file.chmod(_FILE_MODE)


def _refusal(directory: Path, edited: list[str]) -> str:
    where = printable(str(directory))
    verb = "differs" if len(edited) == 1 else "differ"
    return (
        f"nothing was written: {' and '.join(edited)} in {where} {verb} from this version, and may hold settings. "
        "Write to another directory and bring them over to its files; --force overwrites them here"
    )


def _next_steps(directory: Path, count: int) -> str:
    where = printable(str(directory.absolute()))
    return (
        f"wrote {count} files to {where}\n"
        f"next: set backend, acl, token file, renditions, lease and URLs at the top of {where}/default.vcl; start\n"
        f"  varnishd -F -f {where}/default.vcl -I {where}/parameters.cli -a public=:80 -a purge=ADDRESS:6090\n"
        "and then, on the purger's machine,\n"
        "  purger edge add NAME --purge-url http://ADDRESS:6090 --public-url http://ADDRESS --token-file FILE"
    )

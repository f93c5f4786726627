"""`purger vcl`: writes out the VCL that an edge runs."""

import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

import click

from takedown_base.printable import printable

#: The files that a site edits. Each is left as it is unless ``--force`` says otherwise.
_SITE_FILES = ("default.vcl", "parameters.cli")

#: The groups in which varnishd reads files, of Debian's packages and others.
_GROUPS = ("varnish", "vcache")

_SITE = """backend site {{
    .host = "{host}";
    .port = "{port}";
    .connect_timeout = 1s;
    # Pages come from it, too. A fetch holds two threads, so a server that hangs must not get them all.
    .first_byte_timeout = 60s;
    .max_connections = 100;
    .wait_limit = 200;
    .wait_timeout = 1s;
}}

sub takedown_site {{
    set req.backend_hint = site;
}}
"""

#: Permissions of written files and directories: varnishd compiles VCL as another user than the one who writes it.
_FILE_MODE, _DIRECTORY_MODE = 0o644, 0o755

_EXAMPLES = """\b
Examples:
purger vcl /etc/varnish
purger vcl --force --token --site 127.0.0.1:8080 /etc/varnish
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
@click.option(
    "--site",
    metavar="HOST:PORT",
    help="The site's own server: default.vcl takes the bytes of pictures from it, under every host, and passes on to it"
    " what no rule of the origin reads.",
)
@click.option(
    "--token", is_flag=True, help="Make DIR/takedown.token, unless it is there, and let default.vcl read that file."
)
def vcl(directory: Path, force: bool, site: str | None, token: bool) -> None:
    """Write default.vcl, parameters.cli and takedown/*.vcl of this version to DIR, for varnishd on an edge's machine.

    The directory is made if it is missing. Exit code 1 says that default.vcl or parameters.cli in DIR differ from those
    of this version, so that nothing was written, or that a file cannot be read or written.
    """
    source = packaged_vcl()
    files = [source / name for name in _SITE_FILES] + sorted(source.glob("takedown/*.vcl"))
    texts = {file.relative_to(source): file.read_bytes() for file in files}
    default = Path("default.vcl")
    if site is not None:
        texts[default] = _with_site(texts[default].decode(), site).encode()
    if token:
        path = printable(str((directory / "takedown.token").absolute()))
        texts[default] = texts[default].replace(b"/etc/varnish/takedown.token", path.encode())
    try:
        edited = [name for name in _SITE_FILES if _differs(directory / name, texts[Path(name)])]
        if edited and not force:
            raise click.ClickException(_refusal(directory, edited))
        _write(directory, texts)
        if token:
            _make_token(directory / "takedown.token")
    except OSError as error:
        raise click.ClickException(f"{printable(str(error.filename))}: {error.strerror}") from error
    click.echo(_next_steps(directory, len(texts), here=site is not None and token))


def _with_site(text: str, site: str) -> str:
    """Name the site's own server in the text of default.vcl."""
    found = re.fullmatch(r"\[?([A-Za-z0-9.:-]+?)\]?:([0-9]{1,5})", site)
    if not found:
        raise click.UsageError(f"--site: {site!r} is not HOST:PORT")
    written = _SITE.format(host=found[1], port=found[2])
    text = re.sub(r"^sub takedown_site \{\n.*?^\}\n", lambda _: written, text, flags=re.MULTILINE | re.DOTALL)
    return text.replace('var.set("other URLs", "404");', 'var.set("other URLs", "pass");')


def _make_token(file: Path) -> None:
    """Write a token that root and varnishd can read, unless there is one."""
    with suppress(FileExistsError), os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w") as made:
        made.write(secrets.token_urlsafe(24) + "\n")
    for group in _GROUPS:
        with suppress(LookupError, PermissionError):
            shutil.chown(file, group=group)


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


def _next_steps(directory: Path, count: int, *, here: bool) -> str:
    """Say what comes next; ``here``: default.vcl has all that a site on this machine needs."""
    where = printable(str(directory.absolute()))
    address = "127.0.0.1" if here else "ADDRESS"
    settings = (
        "next: start, with an origin on this machine and nothing to edit in default.vcl,\n"
        if here
        else "next: set backend, acl, token file, renditions, lease and URLs at the top of default.vcl, and start\n"
    )
    return (
        f"wrote {count} files to {where}\n"
        f"{settings}"
        f"  varnishd -F -f {where}/default.vcl -I {where}/parameters.cli -a public=:80 -a purge={address}:6090"
        " -s default,4G -s Transient=default,256M\n"
        "and then, on the purger's machine,\n"
        f"  purger edge add NAME --purge-url http://{address}:6090 --public-url http://{address} --token-file"
        f" {f'{where}/takedown.token' if here else 'FILE'}"
    )

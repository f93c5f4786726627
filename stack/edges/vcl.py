"""Copy the VCL with other settings at its top, so that tests and the stack run the files that sites run."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import click

SOURCE = Path(__file__).resolve().parents[2] / "varnish"


class SettingError(ValueError):
    """A setting is malformed, or ``default.vcl`` does not have its line exactly once."""


def render(
    out_dir: Path,
    *,
    backend: str,
    token_file: Path,
    lease: float | None = None,
    fail_safe_ttl: float | None = None,
    fetch_timeout: float | None = None,
    one_connection: bool = False,
    renditions: Sequence[str] | None = None,
    urls: str | None = None,
    purger: bool = True,
    site: str | None = None,
    other_urls: str | None = None,
    query: str | None = None,
    source: Path = SOURCE,
) -> Path:
    """Copy the VCL to ``out_dir`` with these settings at the top of ``default.vcl``, and return that file's path.

    ``backend`` is HOST:PORT, ``lease``, ``fail_safe_ttl`` and ``fetch_timeout`` (for the first byte and between two)
    are seconds; ``one_connection`` has a fetch wait for the connection of the one before, for a server that serves only
    one; ``renditions`` are those besides the original; ``urls`` is a whole ``sub takedown_urls`` and what it
    imports; ``site`` is HOST:PORT of a site's own server, for every host name. None keeps what ``default.vcl`` has.

    Raises ``SettingError`` when a value is malformed, or when the line that it replaces is not there exactly
    once: a setting that is silently not applied would be worse than none.
    """
    lines = _backend_lines(backend, fetch_timeout, one_connection) | _setting_lines(
        token_file, lease, fail_safe_ttl, purger
    )
    if renditions is not None:
        lines |= _rendition_lines(renditions)
    if other_urls is not None:
        lines |= {'var.set("other URLs", ': f'"{other_urls}")'}
    if query is not None:
        lines |= {'var.set("query", ': f'"{query}")'}
    shutil.copytree(source, out_dir, dirs_exist_ok=True)
    default = out_dir / "default.vcl"
    text = _replace(default.read_text(), lines)
    if urls is not None:
        text = replace_sub(text, "takedown_urls", urls)
    if site is not None:
        text = replace_sub(text, "takedown_site", _site(site, fetch_timeout, one_connection))
    default.write_text(text)
    return default


def _site(site: str, fetch_timeout: float | None, one_connection: bool) -> str:
    """Write a backend, and the sub that names it for every host."""
    host, port = _host_port(site)
    timeout = "5s" if fetch_timeout is None else _seconds("fetch timeout", fetch_timeout)
    waiting = ".max_connections = 1;\n    .wait_limit = 200;\n    .wait_timeout = 100s;" if one_connection else ""
    return f"""backend site {{
    .host = "{host}";
    .port = "{port}";
    .connect_timeout = 1s;
    .first_byte_timeout = {timeout};
    .between_bytes_timeout = {timeout};
    {waiting}
}}

sub takedown_site {{
    set req.backend_hint = site;
}}
"""


def _host_port(backend: str) -> tuple[str, str]:
    """Split HOST:PORT. Raises ``SettingError`` where it is not one."""
    host, _, port = backend.rpartition(":")
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", host.strip("[]")) or not port.isdecimal():
        raise SettingError(f"backend {backend!r} is not HOST:PORT")
    return host.strip("[]"), port


def _backend_lines(backend: str, fetch_timeout: float | None, one_connection: bool) -> dict[str, str]:
    """Map the start of each line of the backend to the value that replaces the rest of it."""
    host, port = _host_port(backend)
    lines = {".host = ": f'"{host}"', ".port = ": f'"{port}"'}
    if fetch_timeout is not None:
        lines |= dict.fromkeys(
            (".first_byte_timeout = ", ".between_bytes_timeout = "), _seconds("fetch timeout", fetch_timeout)
        )
    if one_connection:
        lines |= {".max_connections = ": "1", ".wait_timeout = ": "100s"}
    return lines


def _setting_lines(token_file: Path, lease: float | None, fail_safe_ttl: float | None, purger: bool) -> dict[str, str]:
    """Map the start of each line of takedown_settings to the value that replaces the rest of it."""
    durations = {"lease": lease, "fail-safe TTL": fail_safe_ttl}
    return {
        'var.set("token file", ': f'"{_path(token_file)}")',
        'var.set("purger", ': f'"{"yes" if purger else "no"}")',
    } | {
        f'var.set_duration("{name}", ': f"{_seconds(name, seconds)})"
        for name, seconds in durations.items()
        if seconds is not None
    }


def _rendition_lines(renditions: Sequence[str]) -> dict[str, str]:
    """Map the start of each line of takedown_renditions to the value that replaces the rest of it."""
    for name in renditions:
        if not re.fullmatch(r"[a-z0-9_-]{1,32}", name):
            raise SettingError(f"rendition {name!r} is not 1 to 32 of a-z 0-9 _ -")
    names = "".join(f"{name} " for name in renditions)
    return {'var.set("renditions", ': f'" {names}")'}


def _replace(text: str, lines: dict[str, str]) -> str:
    """Replace the value on each line that starts so. Raises ``SettingError`` where that is not one line."""
    for start, value in lines.items():
        # No value has a backslash, so that all of it is literal.
        text, found = re.subn(rf"^    {re.escape(start)}.*;$", f"    {start}{value};", text, flags=re.MULTILINE)
        if found != 1:
            raise SettingError(f"default.vcl has {found} lines that start with {start!r}; it must have one")
    return text


def replace_sub(text: str, name: str, new: str) -> str:
    """Put another ``sub`` of this name in its place. Raises ``SettingError`` where either text has not one."""
    found = re.compile(rf"^sub {name} \{{\n.*?^\}}\n", re.MULTILINE | re.DOTALL)
    if len(found.findall(new)) != 1:
        raise SettingError(f"the text for {name} is not one sub of this name, with its braces in the first column")
    text, count = found.subn(lambda _: new, text)
    if count != 1:
        raise SettingError(f"default.vcl has {count} subs {name}; it must have one")
    return text


def _seconds(name: str, value: float) -> str:
    # Varnish takes 0 for no limit, and rounds to milliseconds.
    if not 0.001 <= value < 1e9:
        raise SettingError(f"{name} {value!r} is not between 0.001 and 1e9 seconds")
    return f"{value:.3f}s"


def _path(path: Path) -> Path:
    if not path.is_absolute() or not re.fullmatch(r'[^"\\\n]+', str(path)):
        raise SettingError(f"token file {str(path)!r} is not an absolute path without quotes and backslashes")
    return path


@click.command()
@click.argument("out_dir", type=click.Path(path_type=Path))
@click.option("--backend", required=True, metavar="HOST:PORT")
@click.option("--token-file", required=True, type=click.Path(path_type=Path))
@click.option("--lease", type=float, help="seconds; the value of default.vcl if not given")
@click.option("--fail-safe-ttl", type=float, help="seconds; the value of default.vcl if not given")
@click.option("--fetch-timeout", type=float, help="seconds; the value of default.vcl if not given")
@click.option("--one-connection", is_flag=True, help="to the backend: a fetch waits for the one before")
@click.option("--rendition", "renditions", multiple=True, help="besides the original; may be given again")
@click.option("--urls", type=click.Path(path_type=Path, exists=True), help="a file with another sub takedown_urls")
@click.option("--site", metavar="HOST:PORT", help="the site's own server, for every host name")
@click.option("--other-urls", type=click.Choice(["404", "pass"]), help="what no rule reads; 404 if not given")
@click.option("--query", help="the parameters that count, such as ' w h '; all if not given")
@click.option("--purger", type=click.Choice(["yes", "no"]), default="yes", show_default=True)
def main(
    out_dir: Path,
    backend: str,
    token_file: Path,
    lease: float | None,
    fail_safe_ttl: float | None,
    fetch_timeout: float | None,
    one_connection: bool,
    renditions: tuple[str, ...],
    urls: Path | None,
    site: str | None,
    other_urls: str | None,
    query: str | None,
    purger: str,
) -> None:
    """Copy the edge's VCL to OUT_DIR with these settings in it, and print the path of its default.vcl."""
    try:
        default = render(
            out_dir,
            backend=backend,
            token_file=token_file,
            lease=lease,
            fail_safe_ttl=fail_safe_ttl,
            fetch_timeout=fetch_timeout,
            one_connection=one_connection,
            renditions=renditions or None,
            urls=urls.read_text() if urls else None,
            purger=purger == "yes",
            site=site,
            other_urls=other_urls,
            query=query,
        )
    except SettingError as error:
        raise click.UsageError(str(error)) from error
    click.echo(default)


if __name__ == "__main__":
    main()

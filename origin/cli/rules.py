"""`origin rules`: shows which image each URL of a site leads to, and what in its access log no rule reads."""

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import quote

import click

from origin.answering.lookup import Lookup
from origin.cli.options import database_url, setting
from origin.verdict.log_lines import split_url
from origin.verdict.log_report import LogReport, read_log
from origin.verdict.rules import PRESETS, Rule, ShownImage, UnusableRulesError, find_image, preset_path, read_rules
from origin.verdict.sites import read_server
from origin.verdict.url import UnreadableUrlError, read_url
from takedown_base.printable import printable
from takedown_db.connection.errors import DatabaseUnavailableError

#: Finds the image of a host and a path with its query.
Find = Callable[[str, str], ShownImage | None]

#: The exit code that says that a URL leads to no image, or that the log has more than the rules read.
_NEEDS_ATTENTION = 3

#: All that browsers send in a path or query as it is.
_SENT_AS_TYPED = "%!\"#$&'()*+,/:;<=>?@[\\]^`{|}~"

_EXAMPLES = """\b
Examples:
origin rules --rules rules.toml https://wiki.example.org/images/thumb/a/ab/Cat.jpg/120px-Cat.jpg
origin rules --rules rules.toml --host wiki.example.org /thumb.php?f=Cat.jpg
origin rules --rules rules.toml --against /var/log/nginx/access.log
origin rules --preset mediawiki --server http://127.0.0.1:8080 > rules.toml
zcat -f /var/log/nginx/access.log* | origin rules --rules rules.toml --against -"""


@click.command("rules", epilog=_EXAMPLES)
@setting("--rules", "File of rules (TOML), as of `origin serve`.", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--preset",
    type=click.Choice(PRESETS),
    help="Take the rules for this application. Without URLs and --against, print them, as a file to write.",
)
@click.option(
    "--server",
    metavar="URL",
    help="With --preset: the site's own server, such as http://127.0.0.1:8080, from which the origin reads the bytes of"
    " a URL once, before anybody sees them. Bans by content need it.",
)
@click.option(
    "--site",
    metavar="DATABASE",
    help="With --preset wagtail: the site's database, if it is not named wagtail.",
)
@click.option(
    "--against",
    metavar="ACCESS_LOG",
    type=click.File("rb"),
    help="Judge each URL that this log says was shown, in the format Common or Combined; - is stdin.",
)
@click.option(
    "--host", default="", help="The host of URLs that have none, such as /images/a.jpg, and of the log's lines."
)
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="URLs that --against lists of each kind."
)
@database_url("takedown_origin", remark=", for rules with a query", required=False)
@click.argument("urls", metavar="[URL]...", nargs=-1)
def rules_command(
    rules: Path | None,
    preset: str | None,
    server: str | None,
    site: str | None,
    against: IO[bytes] | None,
    host: str,
    limit: int,
    database_url: str | None,
    urls: Sequence[str],
) -> None:
    """Show which image each URL leads to by a file of rules: the rule, the image's name and its code.

    With --against, show how many requests each rule reads, and which URLs none does, the most frequent first: those
    that end like an image apart from the others. An image among them cannot be taken down.

    Exit code 3: a URL leads to no image; or the log has such a URL that ends like an image, one that is unreadable, or
    lines in another format.
    """
    file = preset_path(preset) if preset else rules
    if file is None:
        raise click.UsageError("name a file with --rules, or an application with --preset")
    if not urls and against is None:
        if preset is None:
            raise click.UsageError("name URLs, or a log with --against")
        _print_preset(file.read_text(), server, preset, site)
        return
    if server is not None or site is not None:
        raise click.UsageError("--server and --site are for printing a --preset")
    try:
        read = read_rules(file)
    except UnusableRulesError as error:
        raise click.ClickException(str(error)) from None
    find = _finder(read, database_url)
    try:
        found = [_show(find, url, host) for url in urls]
        if against is not None:
            found.append(_show_log(read, find, against, host, limit))
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"a query of the rules has no answer: {printable(error)}") from None
    sys.exit(0 if all(found) else _NEEDS_ATTENTION)


def _print_preset(text: str, server: str | None, preset: str, site: str | None) -> None:
    """Print a file of rules, with the site's own server and database. Raises ``click.UsageError``."""
    if site is not None:
        if not re.fullmatch("[A-Za-z0-9_$]+", site) or f" {preset}." not in text:
            raise click.UsageError("--site: it is no name of a database, or these rules have no query")
        text = text.replace(f" {preset}.", f" {site}.")
    if server is not None:
        try:
            read_server(server)
        except ValueError as error:
            raise click.UsageError(f"--server: {error}") from None
        text = f"[[site]]\nserver = {json.dumps(server)}\n\n{text}"
    click.echo(text, nl=False)


def _show(find: Find, url: str, host: str) -> bool:
    """Print what a URL leads to. Returns whether it leads to an image."""
    # A browser sends what is not ASCII escaped, and no fragment.
    own_host, target = split_url(quote(url.partition("#")[0], safe=_SENT_AS_TYPED))
    try:
        image = find(own_host or host, target)
    except UnreadableUrlError as error:
        click.echo(printable(f"{url}: unreadable: {error}"))
        return False
    if image is None:
        click.echo(printable(f"{url}: no rule reads it"))
        return False
    click.echo(printable(f"{url}: rule {image.rule}, name {image.name}, code {image.code}"))
    return True


def _show_log(rules: Sequence[Rule], find: Find, log: IO[bytes], host: str, limit: int) -> bool:
    """Print what the rules read of a log. Returns whether nothing needs attention."""

    def judge(host: str, target: str) -> int | None:
        image = find(host, target)
        return None if image is None else image.rule

    try:
        report = read_log(log, judge, host)
    except OSError as error:
        raise click.ClickException(f"--against: {printable(log.name)}: {error.strerror or error}") from None
    if not report.judged:
        raise click.ClickException(
            f"--against: {printable(log.name)}: none of its {report.left_out + report.malformed} lines is a request"
            " that was shown: it has to be an access log in the format Common or Combined"
        )
    _print_numbers(rules, report)
    images = report.unread_images()
    _print_list("unreadable, so that an edge answers 404", report.unreadable, limit)
    _print_list("read by no rule, and it ends like an image", images, limit)
    _print_list("read by no rule", report.unread - images, limit)
    return not (images or report.unreadable or report.malformed)


def _print_numbers(rules: Sequence[Rule], report: LogReport) -> None:
    click.echo(f"{report.judged} requests were shown")
    for rule in rules:
        click.echo(f"  {report.by_rule[rule.number]} by rule {rule.number}")
    click.echo(f"  {report.unread.total()} by no rule")
    if report.unreadable:
        click.echo(f"  {report.unreadable.total()} unreadable")
    if report.left_out:
        click.echo(f"{report.left_out} left out: another status than 200, 206 and 304, or no GET or HEAD")
    if report.malformed:
        click.echo(f"{report.malformed} not read: lines in another format than Common and Combined")


def _print_list(title: str, found: Counter[str], limit: int) -> None:
    """Print the most frequent ones, under a title."""
    if not found:
        return
    click.echo(f"\n{title}:")
    width = len(str(max(found.values())))
    for text, number in found.most_common(limit):
        click.echo(f"  {number:>{width}}  {printable(text)}")
    if len(found) > limit:
        click.echo(f"  and {len(found) - limit} more: --limit {len(found)} lists them")


def _finder(rules: Sequence[Rule], database_url: str | None) -> Find:
    """Make the function that finds the image of a host and a path with its query; it raises ``UnreadableUrlError``."""
    if all(rule.query is None for rule in rules):
        return lambda host, target: find_image(rules, read_url(host, target))
    if database_url is None:
        raise click.UsageError("the rules have a query: name the database with --database-url")
    lookup = Lookup(database_url)

    def ask(query: str, values: Mapping[str, str]) -> Mapping[str, str] | None:
        return lookup.ask_site(query, values, time.monotonic())

    return lambda host, target: find_image(rules, read_url(host, target), ask)

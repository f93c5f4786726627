"""Compares a site's rules with its access log: what each rule reads, and what none does. Pure functions."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from origin.verdict.log_lines import read_line

#: Statuses with which a server shows something, as far as its log tells.
_SHOWN = {200, 206, 304}

#: Finds paths that end like a file of an image, a film or a document with pictures.
_NAMED_LIKE_IMAGE = re.compile(
    r"(?i)\.(?:jpe?g|jfif|png|apng|gif|webp|avif|jxl|hei[cf]|svgz?|tiff?|bmp|ico|pdf|djvu|mp4|m4v|webm|og[gv]|mov)$"
).search

#: Judges host and target of a URL: the number of the rule that reads it, None for no rule. ``ValueError``: unreadable.
Judge = Callable[[str, str], int | None]


@dataclass(slots=True)
class LogReport:
    """Numbers of requests in a log. Its memory grows with the different paths that no rule reads."""

    judged: int = 0
    left_out: int = 0  # answered with another status, or by another method than GET and HEAD
    malformed: int = 0  # lines in another format
    by_rule: Counter[int] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)  # by path, without the query
    unreadable: Counter[str] = field(default_factory=Counter)  # by target, with the reason

    def unread_images(self) -> Counter[str]:
        """Return those that no rule reads, and whose path ends like a file of an image."""
        return Counter({path: number for path, number in self.unread.items() if _NAMED_LIKE_IMAGE(path)})


def read_log(lines: Iterable[bytes], judge: Judge, host: str = "") -> LogReport:
    """Judge each request that was shown. ``host`` is that of lines which name none."""
    report = LogReport()
    for line in lines:
        request = read_line(line)
        if request is None:
            report.malformed += 1
        elif request.method not in ("GET", "HEAD") or request.status not in _SHOWN:
            report.left_out += 1
        else:
            report.judged += 1
            try:
                rule = judge(request.host or host, request.target)
            except ValueError as error:
                report.unreadable[f"{request.target}: {error}"] += 1
                continue
            if rule is None:
                report.unread[request.target.partition("?")[0]] += 1
            else:
                report.by_rule[rule] += 1
    return report

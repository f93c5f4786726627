"""Formats log records as one line each: text for people, JSON for machines. Sets the logging of a program up."""

import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

from takedown_base.printable import printable

#: The names of the formats.
FORMATS = ("text", "json")

#: The name of the handler of the root logger.
_HANDLER = "takedown"

#: Characters of a value that stands without quotes in text.
_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/,+@%")


def log_event(log: logging.Logger, level: int, message: str, /, **fields: object) -> None:
    """Log ``message`` with fields: ``key=value`` behind it in text, keys beside it in JSON. None is left out.

    ``message`` is a constant; all that varies is in the fields.
    """
    if log.isEnabledFor(level):
        log.log(level, "%s", message, extra={"fields": {k: v for k, v in fields.items() if v is not None}})


class TextFormatter(logging.Formatter):
    """One line: time, level, logger, process, message and fields; of an error with its traceback, escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record. Whatever it holds, no line break and no command for a terminal is left."""
        parts = [
            self.formatTime(record),
            record.levelname,
            f"{record.name}[{record.process}]:",
            printable(record.getMessage()),
        ]
        parts += [f"{key}={_text(value)}" for key, value in _fields(record).items()]
        if trace := _traceback(self, record):
            parts.append(f"exception={_text(trace)}")
        return " ".join(parts)


class JsonFormatter(logging.Formatter):
    """One line of JSON in ASCII: time, level, logger, pid, thread, message, and the fields as further keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record. JSON escapes all control characters."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "pid": record.process,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in _fields(record).items() if key not in line}
        if trace := _traceback(self, record):
            line["exception"] = trace
        return json.dumps(line, default=str)


def set_up_logging(log_format: str, level: int = logging.INFO) -> None:
    """Log to stderr in one of ``FORMATS``, from ``level`` on; a later call changes both."""
    formatter = JsonFormatter() if log_format == "json" else TextFormatter()
    root = logging.getLogger()
    for handler in root.handlers:
        if handler.get_name() == _HANDLER:
            handler.setFormatter(formatter)
            root.setLevel(level)
            return
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(_HANDLER)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler])


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields: Mapping[str, object] = getattr(record, "fields", {})
    return fields


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    if not record.exc_info or record.exc_info[0] is None:
        return None
    return formatter.formatException(record.exc_info)


def _text(value: object) -> str:
    """Write a value so that it ends at the next space, or stands in quotes."""
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    elif isinstance(value, float):
        value = f"{value:.6f}"
    text = str(value)
    if text and _BARE.issuperset(text):
        return text
    return '"' + printable(text.replace("\\", "\\\\")).replace('"', '\\"') + '"'

"""Check that each event is one line, as text and as JSON, with its fields, and holds nothing of outside as it is."""

import json
import logging
import sys

from takedown_base.log_format import JsonFormatter, TextFormatter, log_event

#: A line break, a terminal's command, a change of writing direction, and half of a surrogate pair.
HOSTILE = "a\nb\r\x1b[31m\u202e\udcff"


def record(message: str, *values: object, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("purger.takedowns", logging.INFO, __file__, 1, message, values, None)
    if fields:
        made.fields = fields
    return made


def test_a_line_of_text_ends_with_the_fields_as_key_and_value() -> None:
    line = TextFormatter().format(record("numbered", ban=4711, batch=17, edges=["a", "b"], seconds=0.0021))
    assert line.endswith(
        f"INFO purger.takedowns[{logging.LogRecord('', 0, '', 0, '', (), None).process}]: "
        "numbered ban=4711 batch=17 edges=a,b seconds=0.002100"
    )


def test_a_value_that_could_end_early_stands_in_quotes() -> None:
    assert (
        TextFormatter()
        .format(record("x", note='say "no" = \\', empty=""))
        .endswith(r'x note="say \"no\" = \\" empty=""')
    )


def test_a_line_of_text_holds_no_line_break_and_no_command_for_a_terminal() -> None:
    line = TextFormatter().format(record("edge %s", HOSTILE, note=HOSTILE))
    assert line.isprintable()
    assert line.count(r"a\nb\r\x1b[31m\u202e\udcff") == 2


def test_a_line_of_json_has_the_fields_as_keys_and_is_ascii() -> None:
    line = JsonFormatter().format(record("edge %s", HOSTILE, ban=4711, bans=[1, 2], level="no level"))
    read = json.loads(line)
    assert line.isascii()
    assert line.isprintable()
    assert (read["message"], read["ban"], read["bans"]) == (f"edge {HOSTILE}", 4711, [1, 2])
    assert (read["level"], read["logger"]) == ("INFO", "purger.takedowns")


def test_an_error_with_its_traceback_is_one_line() -> None:
    made = record("failed")
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        made.exc_info = sys.exc_info()
    assert TextFormatter().format(made).isprintable()
    assert "ValueError" in TextFormatter().format(made)
    assert "ValueError" in json.loads(JsonFormatter().format(made))["exception"]


def test_an_event_leaves_out_what_is_none() -> None:
    log = logging.getLogger("test_log_format")
    seen: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = seen.append  # type: ignore[assignment, method-assign]
    log.addHandler(handler)
    log_event(log, logging.WARNING, "100 %s", ban=None, row=1)
    log_event(log, logging.DEBUG, "not enabled")
    assert [(each.getMessage(), each.fields) for each in seen] == [("100 %s", {"row": 1})]  # type: ignore[attr-defined]

"""Explain database errors with advice, and with the rules that were broken."""

import mysql.connector
import pytest

from takedown_db.connection.errors import explain

_SUBJECT_RULE = "the rule is: bans subject is 1 to 64 of letters digits underscore dash"


@pytest.mark.parametrize(
    ("errno", "text", "said"),
    [
        (1644, "bans.subject must be 1 to 64", "bans.subject must be 1 to 64"),
        (
            4025,
            "CONSTRAINT `bans_subject_is_1_to_64_of_letters_digits_underscore_dash` failed for `x`.`bans`",
            _SUBJECT_RULE,
        ),
        (
            3819,
            "Check constraint 'bans_subject_is_1_to_64_of_letters_digits_underscore_dash' is violated.",
            _SUBJECT_RULE,
        ),
        (1406, "Data too long for column 'reason' at row 1", "the value for reason is too long"),
        (
            1366,
            "Incorrect string value: '\\xC3\\xA9' for column `takedown`.`bans`.`subject` at row 1",
            "the value for subject has characters that are not allowed",
        ),
        (1146, "Table 'x.bans' doesn't exist", "1146 (42S02): Table 'x.bans' doesn't exist; run `purger migrate`"),
    ],
)
def test_a_refusal_is_told_in_words(errno: int, text: str, said: str) -> None:
    state = "42S02" if errno == 1146 else "45000"
    assert explain(mysql.connector.Error(text, errno=errno, sqlstate=state)) == said

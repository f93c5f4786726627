"""Carry lists out against a change that fails: the error names the lines that are committed."""

from collections.abc import Sequence
from io import BytesIO

import click
import pytest

from purger.cli.moderation.list_run import carry_out_list
from purger.moderation.bans import RefusedBanError, UncertainError
from purger.moderation.lists import CHUNK, ChunkResult, ListedSubject
from purger.moderation.subjects import MalformedSubjectError, Subject, parse_subject
from takedown_base.scope import Scope
from takedown_db.connection.errors import DatabaseUnavailableError

LIST = b"a\n" * (3 * CHUNK)


def codes(texts: Sequence[str]) -> list[Subject | MalformedSubjectError]:
    return [parse_subject(Scope.IMAGE, text) if " " not in text else MalformedSubjectError(text) for text in texts]


class FailingChange:
    """Carries chunks out until the one with ``fails_at``, from 0, which raises an error."""

    def __init__(self, error: BaseException, fails_at: int) -> None:
        self._error = error
        self._left = fails_at

    def carry_out(self, listed: Sequence[ListedSubject]) -> ChunkResult:
        if not self._left:
            raise self._error
        self._left -= 1
        return ChunkResult(changed=[each.subject for each in listed[:1]])


@pytest.mark.parametrize(
    ("error", "fails_at", "said"),
    [
        (
            UncertainError("2013"),
            0,
            "nothing is committed, and of lines 1 to 1,000 either all or none (no answer came: ",
        ),
        (UncertainError("2013"), 2, "lines 1 to 2,000 are committed, and of lines 2,001 to 3,000 either all or none ("),
        (KeyboardInterrupt(), 1, "lines 1 to 1,000 are committed, and of lines 1,001 to 2,000 either all or none (int"),
        (
            DatabaseUnavailableError("1213"),
            1,
            "lines 1 to 1,000 are committed (1213). The same command, run again, skips",
        ),
        (OSError("broken disk"), 1, "lines 1 to 1,000 are committed (broken disk). "),
        (RefusedBanError("too long"), 1, "lines 1 to 1,000 are committed (the schema refuses them: too long). "),
    ],
)
def test_an_error_names_the_lines_that_are_committed(error: BaseException, fails_at: int, said: str) -> None:
    with pytest.raises(click.ClickException) as caught:
        carry_out_list(BytesIO(LIST), codes, FailingChange(error, fails_at), repeated="skips them")
    assert caught.value.message.startswith(said)
    assert caught.value.exit_code == 1


def test_a_list_whose_first_lines_the_schema_refuses_is_wrong_usage() -> None:
    with pytest.raises(click.UsageError, match="nothing is committed: the schema refuses them: too long"):
        carry_out_list(BytesIO(LIST), codes, FailingChange(RefusedBanError("too long"), 0), repeated="skips them")


def test_a_dry_run_that_is_cut_off_says_that_nothing_changed() -> None:
    with pytest.raises(click.ClickException) as caught:
        carry_out_list(BytesIO(LIST), codes, FailingChange(UncertainError("2013"), 2), repeated=None)
    assert caught.value.message == "the dry run has changed nothing (no answer came: 2013)"


def test_many_refused_lines_are_counted_and_the_first_kept(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = carry_out_list(
        BytesIO(b"a b\n" * 12_000), codes, FailingChange(KeyboardInterrupt(), 12), repeated="skips them"
    )
    assert (outcome.malformed, len(outcome.refused_lines), outcome.refused_lines[-1].line) == (12_000, 10_000, 10_000)
    assert len(capsys.readouterr().err.splitlines()) == 12_000

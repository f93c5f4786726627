"""Defines the arguments by which commands take their subject: a code, an owner's key, or a digest in several ways."""

import functools
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from purger.cli.options.values import remark
from purger.exit_codes import ExitCode
from purger.moderation.questions import contents_of, original_digest
from purger.moderation.site_names import find_subject
from purger.moderation.subjects import MalformedSubjectError, NamedContent, Subject
from takedown_base.content_names import kind_of_name, padded_name
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_base.subject_keys import is_key
from takedown_db.connection.lasting_connection import Connection

_code_argument = click.argument("code", required=False)
_owner_option = click.option(
    "--owner", metavar="KEY", help="All images of this owner, also those that come later, instead of one code."
)
_digest_option = click.option(
    "--digest",
    metavar="HASH",
    help="All images with the content that has this SHA-256, SHA-1 or MD5, under whatever code, also those that come "
    "later: the hash of the file as it was received, or without its metadata.",
)
_file_option = click.option(
    "--file",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The same, for the SHA-256 of this file: as it was uploaded, or as the site shows it.",
)
_same_as_option = click.option(
    "--same-as",
    metavar="CODE",
    help="The same, for the content of the original that this code shows now.",
)


class SubjectCommand(click.Command):
    """A command whose code may begin with a dash."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as ``click.Command`` does. The error for a code that was taken for an option says how to give it."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            code = next((each for each in given if each.startswith(error.option_name) and is_key(each)), None)
            if code is None:
                raise
            hint = f"If {code} is a code, put -- before it: `{ctx.command_path} -- {code}`"
            raise click.UsageError(f"{error.format_message()} {hint}", ctx) from error


class NoOriginalError(click.ClickException):
    """Ends a command that was given ``--same-as`` for a code without an original."""

    exit_code = ExitCode.ATTENTION

    def __init__(self, code: str) -> None:
        super().__init__(
            f"nothing was done: no image has the code {code}, or it has no original to take the digest of; codes "
            "differ in case"
        )


@dataclass(frozen=True, slots=True)
class GivenSubject:
    """A command's subject as it was given: one of these, or nothing if the command does not need it."""

    code: str | None
    owner: str | None
    digest: str | None
    file: Path | None
    same_as: str | None

    def __bool__(self) -> bool:
        return bool(self._texts())

    def _texts(self) -> list[str | Path]:
        every = (self.code, self.owner, self.digest, self.file, self.same_as)
        return [each for each in every if each is not None]

    def with_code(self, code: str | None) -> "GivenSubject":
        """Return the same with a code that the command has found itself."""
        return replace(self, code=code)

    def find(self, connection: Connection) -> Subject:
        """Find the subject. Says on stderr how it took a name, a URL or a file, and the digest of ``--same-as``.

        Raises ``click.UsageError``, ``NoOriginalError`` and ``DatabaseUnavailableError``.
        """
        if len(self._texts()) != 1:
            raise click.UsageError("give one of CODE, --owner, --digest, --file and --same-as, and only one")
        if self.file is not None:
            (content,) = contents_of(connection, [_digest_of(self.file)])
            _remark_on_content(content)
            return content
        if self.owner is not None:
            return _find(connection, Scope.OWNER, self.owner)
        if self.digest is not None:
            return _find(connection, Scope.DIGEST, self.digest)
        if self.same_as is None:
            return _find(connection, Scope.IMAGE, str(self.code))
        shown = _find(connection, Scope.IMAGE, self.same_as)
        digest = original_digest(connection, shown.key)
        if digest is None:
            raise NoOriginalError(shown.key)
        remark(f"the original of {shown.key} has the digest {digest}")
        return Subject(Scope.DIGEST, digest)


def subject_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add CODE and the options in its place to a command, which gets them as ``given``, a ``GivenSubject``."""
    return _code_argument(options_in_place_of_code(command))


def options_in_place_of_code(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add only the options, as ``subject_options`` does; the command finds the code itself."""

    @functools.wraps(command)
    def taking_given(*args: Any, owner: str | None, digest: str | None, **others: Any) -> Any:
        file, same_as, code = others.pop("file"), others.pop("same_as"), others.pop("code", None)
        return command(*args, given=GivenSubject(code, owner, digest, file, same_as), **others)

    for option in (_same_as_option, _file_option, _digest_option, _owner_option):
        taking_given = option(taking_given)
    return taking_given


def _find(connection: Connection, scope: Scope, text: str) -> Subject:
    try:
        subject = find_subject(connection, text, scope)
    except MalformedSubjectError as error:
        raise click.UsageError(str(error)) from None
    if scope is Scope.IMAGE and subject.key != text:
        remark(f"'{printable(text)}' is taken for its code {subject.key}")
    _remark_on_content(subject)
    return subject


def _remark_on_content(subject: Subject) -> None:
    if isinstance(subject, NamedContent) and subject.key != padded_name(subject.name):
        remark(f"{kind_of_name(subject.name)} {subject.name} names the content {subject.key}")


def _digest_of(file: Path) -> Subject:
    """Hash a regular file. Raises ``click.UsageError``."""
    try:
        # Without blocking: opening a named pipe would wait for a writer.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise click.UsageError(printable(f"{file} is not a regular file"))
            with os.fdopen(descriptor, "rb", closefd=False) as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
        finally:
            os.close(descriptor)
    except OSError as error:
        raise click.UsageError(printable(f"{file} cannot be read: {error.strerror or error}")) from None
    remark(f"{printable(file)} has the digest {digest}")
    return Subject(Scope.DIGEST, digest)

"""Finds the subjects that a text of the search field may mean."""

from purger.moderation.subjects import Subject, parse_line
from takedown_base.scope import Scope
from takedown_base.subject_keys import is_digest, is_key
from takedown_db.connection.lasting_connection import Connection


def find_subjects(connection: Connection, text: str) -> list[Subject]:
    """Find what a text means: a code or a URL, an owner's key, or a digest; of several that exist all of them.

    A text that names only one thing (``owner:KEY``, a URL) means that, whether it exists or not. Raises
    ``MalformedSubjectError``, and ``DatabaseUnavailableError``.
    """
    text = text.strip()
    if is_digest(text.lower()):
        text = text.lower()
    if not is_key(text):
        return [parse_line(text)]
    found: list[Subject] = []
    if connection.rows("console_image", code=text):
        found.append(Subject(Scope.IMAGE, text))
    if connection.rows("console_has_owner", owner=text):
        found.append(Subject(Scope.OWNER, text))
    if is_digest(text):
        found += _with_digest(connection, text)
    banned = (Subject(scope, text) for scope in Scope if scope is not Scope.DIGEST or is_digest(text))
    found += [each for each in banned if each not in found and _has_ban(connection, each)]
    return found


def _with_digest(connection: Connection, digest: str) -> list[Subject]:
    """Find an original by its digest, or the image one of whose other renditions has it."""
    ((number,),) = connection.rows("console_count_digest", subject=digest, most=1)
    if number:
        return [Subject(Scope.DIGEST, digest)]
    return [Subject(Scope.IMAGE, str(code)) for code, _ in connection.rows("console_code_of_digest", digest=digest)]


def _has_ban(connection: Connection, subject: Subject) -> bool:
    return bool(connection.rows("console_open_bans", scope=subject.scope, subject=subject.key))

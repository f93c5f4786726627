"""Defines the subjects of bans, and reads them as the database keeps them: codes, owners' keys and digests.

``site_names.py`` finds the code of a name or a URL.
"""

from typing import NamedTuple

from takedown_base.content_names import NAME_ALPHABET, is_content_name, padded_name, shown_name
from takedown_base.name_codes import shown_key
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_base.subject_keys import CODE_ALPHABET, is_key

#: Characters of a text that a message shows: the lines of a list may be long.
_SHOWN = 100


class MalformedSubjectError(ValueError):
    """A text can be no subject of a ban. The message names the text, the rule and, where there is one, a way out."""


class NoEdgeAnswersError(MalformedSubjectError):
    """No edge says now which image a URL leads to."""


class Subject(NamedTuple):
    """A subject of a ban: a code, an owner's key or a digest, as its scope says."""

    scope: Scope
    key: str

    def __str__(self) -> str:
        return f"{self.scope} {shown_key(self.scope, self.key)}"

    @property
    def no_image(self) -> str:
        """Say that no image has it: ``no image has the code x``, with advice for a digest that was taken for a code."""
        match self.scope:
            case Scope.OWNER:
                return f"no image has the owner {self.key}"
            case Scope.DIGEST:
                return f"no image has an original with the digest {shown_name(self.key)}"
        hint = f"; for a digest write --digest, or digest:{self.key} in a list" if is_content_name(self.key) else ""
        return f"no image has the code {shown_key(self.scope, self.key)}{hint}"


class NamedContent(Subject):
    """A content that was given by another of its names: equal to the same subject given otherwise."""

    #: The hash that was given, in hex.
    name: str


def named_content(content: str, name: str) -> Subject:
    """Return the subject of a content that was given by a name, perhaps its own."""
    if name == content:
        return Subject(Scope.DIGEST, content)
    subject = NamedContent(Scope.DIGEST, content)
    subject.name = name
    return subject


def parse_subject(scope: Scope, text: str) -> Subject:
    """Read a subject of one scope as the database keeps it. Raises ``MalformedSubjectError``.

    A digest may have capitals, and spaces around it. Only the database knows to which content it leads
    (``questions.contents_of``): until then it is the name with 64 digits.
    """
    if scope is Scope.DIGEST:
        name = _digest(text)
        return named_content(padded_name(name), name)
    if not is_key(text):
        kind = "a code" if scope is Scope.IMAGE else "an owner's key"
        raise MalformedSubjectError(f"{quoted(text)} is not {kind}, which is {CODE_ALPHABET} and nothing else")
    return Subject(scope, text)


def _digest(text: str) -> str:
    digest = text.strip().lower()
    if not is_content_name(digest):
        raise MalformedSubjectError(f"{quoted(text)} is not a digest, which is {NAME_ALPHABET} and nothing else")
    return digest


def split_line(text: str) -> tuple[Scope, str]:
    """Split a line of a list into its scope and its text: ``owner:KEY``, ``digest:HEX``, or an image without one."""
    text = text.strip()
    for scope in Scope:
        if text.startswith(f"{scope}:"):
            return scope, text.removeprefix(f"{scope}:").strip()
    return Scope.IMAGE, text


def quoted(text: str) -> str:
    """Quote the beginning of a text for a message."""
    return f"'{printable(text if len(text) <= _SHOWN else f'{text[:_SHOWN]}...')}'"

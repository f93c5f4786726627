"""Reads the subjects of bans as people write them: codes, URLs of images, owners' keys and digests."""

from typing import NamedTuple

from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_base.subject_keys import CODE_ALPHABET, DIGEST_ALPHABET, code_of_url, hint_for_code, is_digest, is_key

#: Characters of a text that a message shows: the lines of a list may be long.
_SHOWN = 100


class MalformedSubjectError(ValueError):
    """A text can be no subject of a ban. The message names the text, the rule and, where there is one, a way out."""


class Subject(NamedTuple):
    """A subject of a ban: a code, an owner's key or a digest, as its scope says."""

    scope: Scope
    key: str

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"

    @property
    def no_image(self) -> str:
        """Say that no image has it: ``no image has the code x``, with advice for a digest that was taken for a code."""
        match self.scope:
            case Scope.OWNER:
                return f"no image has the owner {self.key}"
            case Scope.DIGEST:
                return f"no image has an original with the digest {self.key}"
        hint = f"; for a digest write --digest, or digest:{self.key} in a list" if is_digest(self.key) else ""
        return f"no image has the code {self.key}{hint}"


def parse_subject(scope: Scope, text: str) -> Subject:
    """Read a subject of one scope. Raises ``MalformedSubjectError``.

    The URL or path of an image is taken for the code in it. A digest may have capitals, and spaces around it.
    """
    if scope is Scope.DIGEST:
        return Subject(scope, _digest(text))
    if scope is Scope.IMAGE and not is_key(text) and (code := code_of_url(text)):
        return Subject(scope, code)
    if not is_key(text):
        kind, hint = ("a code", hint_for_code(text)) if scope is Scope.IMAGE else ("an owner's key", "")
        raise MalformedSubjectError(f"'{_shown(text)}' is not {kind}, which is {CODE_ALPHABET} and nothing else{hint}")
    return Subject(scope, text)


def _digest(text: str) -> str:
    digest = text.strip().lower()
    if not is_digest(digest):
        raise MalformedSubjectError(f"'{_shown(text)}' is not a digest, which is {DIGEST_ALPHABET} and nothing else")
    return digest


def parse_line(text: str) -> Subject:
    """Read a line of a list: a code or a URL, or ``owner:KEY`` or ``digest:HEX``. Raises ``MalformedSubjectError``."""
    text = text.strip()
    for scope in Scope:
        if text.startswith(f"{scope}:"):
            return parse_subject(scope, text.removeprefix(f"{scope}:").strip())
    return parse_subject(Scope.IMAGE, text)


def _shown(text: str) -> str:
    return printable(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")

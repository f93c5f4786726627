"""Writes leaves in the one form that is hashed: canonical JSON (RFC 8785) of strings, integers and lists of strings.

Members stand by the alphabet, without spaces, in UTF-8. Fractions, booleans, null and objects within are not used: a
member that has no value is left out.
"""

import json
from collections.abc import Mapping, Sequence

#: A leaf's members.
Members = Mapping[str, str | int | Sequence[str]]

#: Largest integer that every reader of JSON keeps exactly (RFC 8785, 3.2.2.3).
_LARGEST = 2**53 - 1


class NotCanonicalError(ValueError):
    """A leaf whose text is not in canonical form, or that has a value of another kind. Its message says which."""


def canonical(members: Members) -> str:
    """Write members in canonical form. Raises ``NotCanonicalError``."""
    for name, value in members.items():
        if not (name.isascii() and name.isidentifier()):
            raise NotCanonicalError(f"a member's name must be letters, digits and _ of ASCII: {name!r}")
        _check(name, value)
    text = json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotCanonicalError("a member holds half a character, which UTF-8 has not") from None
    return text


def parse_canonical(text: str) -> dict[str, str | int | list[str]]:
    """Read the members of a leaf. Raises ``NotCanonicalError`` for a text that is not in canonical form."""
    try:
        members = json.loads(text)
    except ValueError as error:
        raise NotCanonicalError(f"the leaf is no JSON: {error}") from None
    except RecursionError:
        raise NotCanonicalError("the leaf is nested too deeply") from None
    if not isinstance(members, dict) or canonical(members) != text:
        raise NotCanonicalError("the leaf is JSON, but not in canonical form")
    return members


def _check(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int | list | tuple):
        raise NotCanonicalError(f"member {name} is neither a string nor an integer nor a list of strings")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise NotCanonicalError(f"member {name} is larger than 2**53 - 1")
    if isinstance(value, list | tuple) and not all(isinstance(each, str) for each in value):
        raise NotCanonicalError(f"member {name} is a list of something else than strings")

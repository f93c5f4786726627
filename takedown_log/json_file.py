"""Reads and writes the one form of JSON in which proofs are written, so that no bit of a file can be changed unseen."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class ProofError(ValueError):
    """A proof that does not hold. Its message says what is wrong with it."""


def write_document(document: Mapping[str, Any]) -> str:
    """Write a file's text."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_document(text: str, members: Iterable[str]) -> dict[str, Any]:
    """Read a file that has these members and no other. Raises ``ProofError``."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProofError(f"the file is no proof: {error}") from None
    if not isinstance(document, dict) or document.keys() != set(members):
        raise ProofError(f"the file is no proof: its members must be {', '.join(sorted(members))}")
    return document


def write_hashes(hashes: Sequence[bytes]) -> list[str]:
    """Write hashes in base64."""
    return [b64encode(each).decode() for each in hashes]


def read_hashes(texts: Sequence[str]) -> tuple[bytes, ...]:
    """Read hashes in base64. Raises ``ValueError``."""
    return tuple(b64decode(each, validate=True) for each in texts)

"""Judges an answer of a public listener for a banned image: shown, proven gone, or neither. No HTTP, no SQL."""

import binascii
import re
from base64 import b64decode
from collections.abc import Collection, Mapping, Sequence
from enum import IntEnum

#: One member of Repr-Digest (RFC 9530): an algorithm and its byte sequence.
_MEMBER = re.compile(r"[ \t]*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):[ \t]*")

_DIGEST = "repr-digest"

#: The reason for an answer that lacks the header of all answers for banned images.
_UNMARKED = "not marked as banned"


class Verdict(IntEnum):
    """The verdict on an answer. Of several answers for one image the largest holds."""

    GONE = 0  # marked as banned, with the body that its Repr-Digest names
    UNPROVEN = 1  # neither gone nor shown
    FAILING = 2  # 5xx, which says nothing about the image
    UNREACHABLE = 3  # no answer, or one that broke off
    ELSEWHERE = 4  # not proven to be of this edge, as another edge or a cache may have answered
    FOREIGN = 5  # success, with bytes that are neither the image's nor marked: perhaps those of a replaced image
    SHOWN_ELSEWHERE = 6  # bytes of the image, and not proven to be of this edge
    SHOWN = 7  # bytes of the image


def judge(
    status: int, headers: Mapping[str, str], digest: str, image: Collection[str], *, elsewhere: str = ""
) -> tuple[Verdict, str]:
    """Judge an answer whose body has the SHA-256 ``digest``; with it the reason in words why it proves nothing.

    Names of ``headers`` are in lower case, as are digests in hex. ``image`` holds those of all renditions of the image.
    ``elsewhere`` says why the answer is not proven to be of this edge; empty if it is.
    """
    if digest in image:
        return (Verdict.SHOWN_ELSEWHERE, f"shows the image, {elsewhere}") if elsewhere else (Verdict.SHOWN, "")
    if status >= 500:
        return Verdict.FAILING, ""
    if elsewhere:
        return Verdict.ELSEWHERE, elsewhere
    if headers.get("takedown-state") != "banned":
        if 200 <= status < 300:
            return Verdict.FOREIGN, f"other bytes, {_UNMARKED}"
        return Verdict.UNPROVEN, f"{_UNMARKED} (wrong site, or an origin older than 0.2?)"
    named = digest_named([headers[_DIGEST]] if _DIGEST in headers else [])
    if named is None:
        return Verdict.UNPROVEN, "marked as banned without a well-formed Repr-Digest"
    if named != digest:
        return Verdict.UNPROVEN, "the body is not the one that Repr-Digest names"
    return Verdict.GONE, ""


def digest_named(fields: Sequence[str]) -> str | None:
    """Read the one SHA-256 in the fields of Repr-Digest, as lower-case hex; None if it is missing or malformed."""
    members = [_MEMBER.fullmatch(member) for field in fields for member in field.split(",")]
    named = [member[2] for member in members if member and member[1] == "sha-256"]
    if len(named) != 1 or not all(members):
        return None
    try:
        digest = b64decode(named[0], validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == 32 else None

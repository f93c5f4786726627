"""Signs webhooks in the form of Standard Webhooks, which receivers check with a library of their language.

The signed bytes are ``id.timestamp.body``, the key is the base64 after ``whsec_``, the signature HMAC-SHA256:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. The library of that name on
PyPI signs with one key, and so not while a secret is replaced; the tests verify every signature with it.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

#: The beginning of each secret.
_PREFIX = "whsec_"

#: Bytes of a new secret. The specification asks for 24 to 64.
_NEW, _FEWEST, _MOST = 32, 24, 64


class UnusableSecretError(ValueError):
    """A text is no secret of Standard Webhooks. The message says why, and nothing of the text."""


def new_secret() -> str:
    """Make a secret."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_NEW)).decode()


def key_of(secret: str) -> bytes:
    """Return the key in a secret. Raises ``UnusableSecretError``."""
    try:
        if not secret.startswith(_PREFIX):
            raise UnusableSecretError(f"it does not begin with {_PREFIX}")
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise UnusableSecretError(f"what follows {_PREFIX} is not base64") from None
    if not _FEWEST <= len(key) <= _MOST:
        raise UnusableSecretError(f"it has {len(key)} bytes, and not {_FEWEST} to {_MOST}")
    return key


def signed_headers(message: str, at: int, body: bytes, keys: Iterable[bytes]) -> dict[str, str]:
    """Return the headers of a webhook that is sent at ``at`` (seconds since 1970), signed with each of the keys."""
    signed = b"%b.%d.%b" % (message.encode(), at, body)
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }

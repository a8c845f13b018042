"""Signatures as Standard Webhooks 1.0 has them: HMAC-SHA256 over `id.timestamp.body`.

A secret is `whsec_` and base64 of 24 to 64 random bytes. While one is being replaced there are two,
and a signature by each: a receiver accepts the message if it can check any of them.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from hashlib import sha256

from ductape.errors import ProviderError

SECRET_PREFIX = "whsec_"  # noqa: S105 (what a secret begins with)
VERSION = "v1"
SHORTEST_KEY, LONGEST_KEY = 24, 64
"""Bytes of a secret."""

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"


def signed_headers(
    secrets: Sequence[str], *, message_id: str, at_s: int, body: bytes
) -> dict[str, str]:
    """Return the headers that a receiver checks; `at_s` is in epoch seconds.

    Raises `ProviderError` for a secret that is none.
    """
    content = b".".join((message_id.encode(), str(at_s).encode(), body))
    signatures = (_signature(secret, content) for secret in secrets)
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(at_s),
        SIGNATURE_HEADER: " ".join(signatures),
    }


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret, with its prefix or without; raises `ProviderError`."""
    try:
        key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (Base64Error, ValueError) as error:
        raise _no_secret("no base64") from error
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise _no_secret(f"{len(key)} bytes")
    return key


def _signature(secret: str, content: bytes) -> str:
    digest = hmac.new(key_of(secret), content, sha256).digest()
    return f"{VERSION},{b64encode(digest).decode()}"


def _no_secret(found: str) -> ProviderError:
    return ProviderError(
        "VALIDATION_ERROR",
        f"the webhook's secret must be `{SECRET_PREFIX}` and base64 of {SHORTEST_KEY} to "
        f"{LONGEST_KEY} bytes: it is {found}",
        hint="store another one under the same name: what waits is signed with it",
    )

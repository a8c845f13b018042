"""URLs that let their bearer at one blob of Azure: its service SAS. Pure; instants in epoch ms.

The rule is Azure's ("Create a service SAS", version 2020-12-06 and later): what is signed names the
blob as it is called, not as it is written in a URL.
"""

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hmac import digest
from typing import Literal
from urllib.parse import urlencode

from msgspec import Struct

from ductape.errors import ProviderError

VERSION = "2023-11-03"

_MAY = {"GET": "r", "PUT": "cw"}
"""Read; create and write."""
_BLOB = "b"
_UNUSED_BEFORE, _UNUSED_AFTER = ("",) * 3, ("",) * 7
"""A stored policy, addresses and the protocol; a snapshot, a scope, and headers of the answer."""


class AzureBlob(Struct, frozen=True):
    """Which blob, of whose account."""

    account: str
    container: str
    name: str


def signed_query(
    blob: AzureBlob, account_key: str, *, method: Literal["GET", "PUT"], expires_at_ms: int
) -> str:
    """Return the query of a URL that is good for one method until then.

    There is no beginning in it: clocks differ. Raises `ProviderError` for a key that is none.

    >>> blob = AzureBlob("shop", "files", "a b.txt")
    >>> signed_query(blob, "a2V5", method="GET", expires_at_ms=0).partition("&sig=")[0]
    'sp=r&se=1970-01-01T00%3A00%3A00Z&sv=2023-11-03&sr=b'
    """
    may = _MAY[method]
    ends = f"{datetime.fromtimestamp(expires_at_ms // 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    named = f"/blob/{blob.account}/{blob.container}/{blob.name}"
    lines = (may, "", ends, named, *_UNUSED_BEFORE, VERSION, _BLOB, *_UNUSED_AFTER)
    signature = b64encode(digest(_key(account_key), "\n".join(lines).encode(), "sha256")).decode()
    return urlencode({"sp": may, "se": ends, "sv": VERSION, "sr": _BLOB, "sig": signature})


def _key(account_key: str) -> bytes:
    try:
        return b64decode(account_key, validate=True)
    except ValueError as error:
        raise ProviderError("UNAUTHORIZED", "the account's key is no base64") from error

"""The envelope of our tokens: a compact JWE, `dir` with A256GCM, its key derived for one purpose.

The header is exactly `{alg, enc, kid}` with those two algorithms, checked before any key is looked
for, and given to the library once more as all that it may use. The nonce is the library's own draw
from the system. Whatever is wrong with a token, the error is the same one: it tells a forger
nothing (SPEC 6).
"""

from base64 import urlsafe_b64decode
from typing import Literal

import msgspec
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Struct

from ductape.domain.session import MOST_TOKEN_BYTES
from ductape.errors import SessionInvalid
from ductape.ports.vault import SealBroken, Vault

_ALGORITHMS = ("dir", "A256GCM")


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["dir"]
    enc: Literal["A256GCM"]
    kid: str


def encrypt(vault: Vault, purpose: str, plain: bytes) -> str:
    """Make a token under the vault's newest key."""
    key_id, key = vault.derive(purpose)
    header = {"alg": "dir", "enc": "A256GCM", "kid": key_id}
    return jwe.encrypt_compact(header, plain, OctKey.import_key(key), algorithms=_ALGORITHMS)


def decrypt(vault: Vault, purpose: str, token: str) -> bytes:
    """Open a token made for the purpose under any key of the ring; raises `SessionInvalid`."""
    if len(token) > MOST_TOKEN_BYTES or not token.isascii():
        raise not_ours()
    try:
        _, key = vault.derive(purpose, _header(token).kid)
        opened = jwe.decrypt_compact(token, OctKey.import_key(key), algorithms=_ALGORITHMS)
    except SealBroken as error:
        raise not_ours("it may have been made under a key that has left the ring") from error
    except (JoseError, ValueError) as error:
        raise not_ours() from error
    if opened.plaintext is None:
        raise not_ours()
    return opened.plaintext


def not_ours(hint: str | None = None) -> SessionInvalid:
    """Build the error of a token that does not open."""
    said = "the session token is not one of this product, env and tag, or was changed"
    return SessionInvalid(said, hint=hint or SessionInvalid.remedy)


def _header(token: str) -> _Header:
    segment = token.partition(".")[0]
    return msgspec.json.decode(urlsafe_b64decode(segment + "=="), type=_Header)

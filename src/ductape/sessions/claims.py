"""What stands inside our tokens, and for what each token is good (SPEC 6).

Instants are NumericDates as in any JWT: seconds since the epoch, here with a fraction, so that the
millisecond is kept. A token's key is derived for its kind, product, env and tag, so that a token
of another of these does not even decrypt.
"""

from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject
from ductape.ports.sessions import SessionScope, TokenPair
from ductape.ports.vault import Vault
from ductape.sessions.jwe import decrypt, encrypt, not_ours

Kind = Literal["access", "refresh"]


class AccessClaims(Struct, frozen=True):
    """What the token carries."""

    sid: str
    iat: float
    exp: float
    data: JsonObject

    def __repr__(self) -> str:
        """Keep the data out of every log and traceback."""
        return f"AccessClaims(sid={self.sid!r})"


class RefreshClaims(Struct, frozen=True):
    """What the refresh token carries: no data, only which one of the family it is."""

    sid: str
    iat: float
    exp: float
    gen: int


class FamilyState(Struct, frozen=True, omit_defaults=True):
    """What the store keeps sealed of a session."""

    data: JsonObject
    pair: TokenPair | None = None
    """The present pair, once there was a refresh, for a caller who never got it."""

    def __repr__(self) -> str:
        """Keep data and tokens out of every log and traceback."""
        return "FamilyState(***)"


C = TypeVar("C", AccessClaims, RefreshClaims)


def write_claims(vault: Vault, scope: SessionScope, claims: AccessClaims | RefreshClaims) -> str:
    """Make a token of claims."""
    kind: Kind = "access" if isinstance(claims, AccessClaims) else "refresh"
    return encrypt(vault, _purpose(kind, scope), msgspec.json.encode(claims))


def read_claims(vault: Vault, scope: SessionScope, token: str, *, of: type[C]) -> C:
    """Open a token and return its claims, expired or not; raises `SessionInvalid`."""
    kind: Kind = "access" if of is AccessClaims else "refresh"
    plain = decrypt(vault, _purpose(kind, scope), token)
    try:
        return msgspec.json.decode(plain, type=of)
    except msgspec.MsgspecError as error:
        raise not_ours() from error


def to_seconds(at_ms: int) -> float:
    """Write an instant as a NumericDate."""
    return at_ms / 1_000


def to_ms(seconds: float) -> int:
    """Read a NumericDate as epoch milliseconds.

    >>> to_ms(to_seconds(1_764_028_800_123))
    1764028800123
    """
    return round(seconds * 1_000)


def _purpose(kind: Kind, scope: SessionScope) -> str:
    # A JSON list, so that no two scopes are written alike whatever characters their names have.
    parts = ["session", kind, scope.product, scope.env, scope.tag]
    return msgspec.json.encode(parts).decode()

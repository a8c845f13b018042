"""The team's own signed JWT in place of our token, where a definition says `verify` (SPEC 6).

Only the one algorithm that the definition names is accepted, with a key of that algorithm's type:
neither `none` nor a public key used as a shared secret can pass. The library does not look at
times: `exp` and `nbf` are checked here, in seconds, against our own clock. All claims are the
session's data. Its id is a hash of scope and `jti`, or of scope and claims where there is no `jti`.
"""

import warnings
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import cast

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning

from ductape.domain.jsonlimits import DEFAULT, plain_object
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.session import MOST_TOKEN_BYTES, user_of
from ductape.errors import SessionExpired, SessionInvalid
from ductape.ports.sessions import OpenedSession, SessionScope
from ductape.ports.stores.sessions import SessionFamily
from ductape.sessions.trust import algorithm_of, key_for

SKEW_S = 30
"""How far the issuer's clock may be ahead of ours."""

LAST_SECOND = 253_402_300_799
"""The end of the year 9999: later expiries are cut to it."""


def open_foreign(scope: SessionScope, token: str, *, now_ms: int) -> OpenedSession:
    """Verify a JWT; raises `SessionInvalid` or `SessionExpired`.

    `ConfigError` where the definition's own key cannot be used.
    """
    claims = _claims(scope, token)
    expires_at_ms = _instant_ms(claims, "exp")
    begins_at_ms = _instant_ms(claims, "nbf")
    if expires_at_ms is not None and expires_at_ms <= now_ms:
        raise SessionExpired(
            "the session token has expired", hint="get a new token from its issuer"
        )
    if begins_at_ms is not None and begins_at_ms > now_ms + SKEW_S * 1_000:
        raise _refused("is not valid yet")
    return OpenedSession(
        tag=scope.tag,
        session_id=_session_id(scope, claims),
        data=claims,
        user=user_of(claims, scope.definition.selector),
        expires_at_ms=expires_at_ms,
    )


def revoked_family(scope: SessionScope, token: str, *, now_ms: int) -> SessionFamily:
    """Make the row that marks a JWT's session as revoked; raises `SessionInvalid`."""
    claims = _claims(scope, token)
    expires_at_ms = _instant_ms(claims, "exp")
    return SessionFamily(
        session_id=_session_id(scope, claims),
        product=scope.product,
        env=scope.env,
        tag=scope.tag,
        user=user_of(claims, scope.definition.selector),
        created_at_ms=now_ms,
        expires_at_ms=LAST_SECOND * 1_000 if expires_at_ms is None else expires_at_ms,
        revoked=True,
    )


def _claims(scope: SessionScope, token: str) -> JsonObject:
    if len(token) > MOST_TOKEN_BYTES or not token.isascii():
        raise _refused(f"is not a JWT of at most {MOST_TOKEN_BYTES} bytes")
    payload = _verified(scope.definition.verify, token)
    try:
        claims = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refused("does not carry JSON") from error
    if not isinstance(claims, dict):
        raise _refused("does not carry an object")
    members = cast("dict[str, object]", claims)
    plain = plain_object(members, "claims", max_bytes=MOST_TOKEN_BYTES, nesting=DEFAULT.nesting)
    if not isinstance(plain, dict):
        raise _refused("carries what cannot be stored as JSON")
    return plain


def _verified(verify: JsonObject, token: str) -> bytes:
    algorithm = algorithm_of(verify)
    try:
        header = jws.extract_compact(token.encode()).headers()
        kid = header.get("kid")
        key = key_for(verify, algorithm, kid=kid if isinstance(kid, str) else None)
        registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        with warnings.catch_warnings():
            # It warns of the name EdDSA (RFC 9864), which issuers go on using.
            warnings.simplefilter("ignore", SecurityWarning)
            opened = jws.deserialize_compact(token, key, registry=registry)
    except (JoseError, ValueError, TypeError) as error:
        raise _refused(f"is not signed with {algorithm} by the key of the definition") from error
    return opened.payload


def _instant_ms(claims: JsonObject, name: str) -> int | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _refused(f"has an {name!r} that is no number of seconds")
    return round(min(value, LAST_SECOND) * 1_000)


def _session_id(scope: SessionScope, claims: JsonObject) -> str:
    jti = claims.get("jti")
    subject: list[JsonValue] = [scope.product, scope.env, scope.tag]
    subject.append(jti if isinstance(jti, str) and jti else claims)
    digest = sha256(msgspec.json.encode(subject, order="deterministic")).digest()
    return f"jwt_{urlsafe_b64encode(digest).decode().rstrip('=')}"


def _refused(why: str) -> SessionInvalid:
    return SessionInvalid(f"the session token {why}", hint="send the token that its issuer signed")

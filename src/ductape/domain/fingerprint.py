"""What makes two requests, or two calls, equal: digests of their canonical JSON (SPEC 1, 7).

Digests are stored and compared across releases: only what differs from its default goes in, so
that a field that a later release adds leaves every stored digest as it is.
"""

from hashlib import blake2b
from typing import cast

import msgspec
from msgspec import Struct, structs

from ductape.domain.jsonlimits import INTEGER_MAX, INTEGER_MIN
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobRequest, Repeat, RetryPolicy, SessionToken

DIGEST_BYTES = 32

_BLANK = JobRequest(product="", env="", event="", input={}, retries=0, start_at_ms=0)


def canonical(value: JsonValue) -> bytes:
    """Write JSON so that equal values give equal bytes: keys sorted, no white space.

    Numbers are compared as JSON has them: 1 and 1.0 are the same.

    >>> canonical({"b": 1.0, "a": [True, None]})
    b'{"a":[true,null],"b":1}'
    """
    return msgspec.json.encode(_settled(value), order="sorted")


def request_digest(request: JobRequest) -> bytes:
    """Digest everything that an equal request under the same key must have.

    `start_at` counts for a one-off job only; of the session its tag, never its token.
    """
    start: JsonValue = request.start_at_ms if request.repeat is None else None
    return _digest(["request", _asked(request), start])


def twin_digest(request: JobRequest, *, session_subject: str | None) -> bytes:
    """Digest everything that an identical live recurring request without a key must have.

    `session_subject` tells whose session it is: the user that its definition's selector names,
    or where there is none a digest of the session's data.
    """
    return _digest(["twin", _asked(request), session_subject])


def cache_key(  # noqa: PLR0913 (SPEC 7 lists the parts)
    secret: bytes,
    *,
    product: str,
    env: str,
    kind: str,
    event: str,
    app: str | None,
    cache: str,
    target_digest: bytes,
    input: JsonValue,  # noqa: A002 (the name that the seed gives it)
    session: JsonValue = None,
) -> bytes:
    """Make the key of a cache entry: a keyed hash, since inputs may be guessed.

    `secret` has at most 64 bytes; `input` has its references resolved. `session` is what mappings
    of the target may read besides.
    """
    parts: list[JsonValue] = [product, env, kind, event, app, cache, target_digest.hex(), input]
    if session is not None:
        parts.append(session)
    return blake2b(
        canonical(parts), digest_size=DIGEST_BYTES, key=secret, person=b"ductape-cache"
    ).digest()


def _digest(parts: list[JsonValue]) -> bytes:
    return blake2b(canonical(parts), digest_size=DIGEST_BYTES).digest()


def _asked(request: JobRequest) -> JsonObject:
    plain = structs.replace(
        request, start_at_ms=0, warnings=(), bytes_given=False, goes_on_at_ms=None
    )
    return _changed(plain, _BLANK)


def _changed(value: Struct, default: Struct) -> JsonObject:
    given = structs.asdict(value).items()
    return {key: _as_json(part) for key, part in given if part != getattr(default, key)}


def _as_json(part: object) -> JsonValue:
    match part:
        case Repeat():
            return _changed(part, Repeat())
        case RetryPolicy():
            return _changed(part, RetryPolicy())
        case SessionToken():
            return [part.tag, part.must_be_live]
        case tuple():
            return list(cast("tuple[str, ...]", part))
        case _:
            return cast("JsonValue", part)


def _settled(value: JsonValue) -> JsonValue:
    """Turn whole floats into integers, all the way down."""
    match value:
        case float() if value.is_integer() and INTEGER_MIN <= value <= INTEGER_MAX:
            return int(value)
        case list():
            return [_settled(member) for member in value]
        case dict():
            return {key: _settled(member) for key, member in value.items()}
        case _:
            return value

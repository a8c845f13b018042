"""Which key a definition trusts to sign the team's JWT: `verify: {alg, key | jwks}` (SPEC 6).

`key` is a shared secret (HS256, 32 bytes at least), a public key in PEM, or one JWK; `jwks` is a
key set as issuers publish it, of which only the keys fit for the algorithm count. What cannot be
used is the definition's fault, not the token's: `ConfigError`, without a word of the key.
"""

import warnings
from typing import cast

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import DictKey, ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from ductape.domain.found import listed
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ConfigError

KEY_TYPES = {"HS256": OctKey, "RS256": RSAKey, "ES256": ECKey, "EdDSA": OKPKey}

LEAST_SECRET_BYTES = 32
"""RFC 7518 3.2: a secret for HS256 is no shorter than its hash."""


def algorithm_of(verify: JsonObject) -> str:
    """Return the one algorithm that the definition accepts; raises `ConfigError`."""
    algorithm = verify.get("alg")
    if isinstance(algorithm, str) and algorithm in KEY_TYPES:
        return algorithm
    raise _unusable("alg", f"is none of {listed(sorted(KEY_TYPES))}")


def key_for(verify: JsonObject, algorithm: str, *, kid: str | None) -> Key:
    """Return the key that must have signed; `ValueError` where no key of the set fits `kid`.

    Raises `ConfigError` for a definition whose key is missing or of another type.
    """
    match verify:
        case {"jwks": {"keys": [*members]}}:
            return _imported(_chosen(members, algorithm, kid), algorithm, "jwks")
        case {"key": str() | dict() as key}:
            return _imported(key, algorithm, "key")
        case _:
            raise _unusable("key", "is missing, or `jwks` is no key set")


def _chosen(members: list[JsonValue], algorithm: str, kid: str | None) -> JsonObject:
    fit = [one for one in members if isinstance(one, dict) and _fits(one, algorithm)]
    if not fit:
        raise _unusable("jwks", f"has no key for {algorithm}")
    named = fit if kid is None else [one for one in fit if one.get("kid") == kid]
    if len(named) != 1:
        raise ValueError("the token names no key of the set")
    return named[0]


def _fits(member: JsonObject, algorithm: str) -> bool:
    return (
        member.get("kty") == KEY_TYPES[algorithm].key_type
        and member.get("use", "sig") == "sig"
        and member.get("alg", algorithm) == algorithm
    )


def _imported(key: str | JsonObject, algorithm: str, where: str) -> Key:
    try:
        with warnings.catch_warnings():
            # A weak or dubious key is an error here, not a remark.
            warnings.simplefilter("error", SecurityWarning)
            imported = KEY_TYPES[algorithm].import_key(cast("str | DictKey", key))
        JWSRegistry.algorithms[algorithm].check_key(imported)
    except (JoseError, SecurityWarning, ValueError, TypeError, KeyError) as error:
        raise _unusable(where, f"cannot be used for {algorithm}") from error
    if isinstance(imported, OctKey) and len(imported.raw_value) < LEAST_SECRET_BYTES:
        raise _unusable(where, f"is shorter than {LEAST_SECRET_BYTES} bytes")
    return imported


def _unusable(where: str, why: str) -> ConfigError:
    path = f"verify.{where}"
    hint = "mend the session's definition and apply the product again"
    return ConfigError(f"{path}: the session's {where} {why}", path=path, hint=hint)

"""The team's own JWT: exactly the named algorithm, the right key, the right time."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ConfigError, SessionExpired, SessionInvalid, ValidationError
from ductape.ports.sessions import SessionScope
from tests.unit.sessions.builders import NOW_MS, Desk, a_definition, a_scope

NOW_S = NOW_MS // 1_000
SECRET = "a shared secret of the team, long enough"
CLAIMS: JsonObject = {"userId": "u-17", "role": "admin", "exp": NOW_S + 60}
RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")
ED = OKPKey.generate_key("Ed25519")


def public(key: RSAKey | ECKey | OKPKey) -> str:
    return key.as_pem(private=False).decode()


def part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(text).decode().rstrip("=")


def signed(
    key: Key, algorithm: str, claims: Mapping[str, object] | bytes = CLAIMS, **header: object
) -> str:
    body = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    if algorithm == "EdDSA":
        head = f"{part({'alg': 'EdDSA', **header})}.{part(body)}"
        assert ED.private_key is not None
        return f"{head}.{part(ED.private_key.sign(head.encode()))}"
    return jws.serialize_compact({"alg": algorithm, **header}, body, key, registry=registry)


def shared(claims: Mapping[str, object] | bytes = CLAIMS, **header: object) -> str:
    return signed(OctKey.import_key(SECRET), "HS256", claims, **header)


def trusting(algorithm: str, key: JsonValue) -> SessionScope:
    return a_scope(definition=a_definition(verify={"alg": algorithm, "key": key}))


HS = trusting("HS256", SECRET)


@pytest.mark.parametrize(
    ("algorithm", "key", "trusted"),
    [
        ("HS256", OctKey.import_key(SECRET), SECRET),
        ("RS256", RSA, public(RSA)),
        ("ES256", EC, public(EC)),
        ("EdDSA", ED, public(ED)),
        ("RS256", RSA, RSA.as_dict(private=False)),
    ],
)
async def test_a_jwt_signed_as_the_definition_says_opens_to_its_claims(
    desk: Desk, algorithm: str, key: Key, trusted: JsonValue
) -> None:
    opened = await desk.tokens.open(trusting(algorithm, trusted), signed(key, algorithm))
    assert opened.data == CLAIMS
    assert opened.user == "u-17"
    assert opened.expires_at_ms == (NOW_S + 60) * 1_000


@pytest.mark.parametrize("name", ["none", "None", "NONE", ""])
@pytest.mark.parametrize("scope", [HS, trusting("RS256", public(RSA))], ids=["HS256", "RS256"])
async def test_an_unsigned_jwt_is_refused(desk: Desk, name: str, scope: SessionScope) -> None:
    for end in ("", part(b"x")):
        token = f"{part({'alg': name})}.{part(CLAIMS)}.{end}"
        with pytest.raises(SessionInvalid):
            await desk.tokens.open(scope, token)


@pytest.mark.parametrize("with_end", [True, False])
async def test_a_public_key_never_passes_as_a_shared_secret(desk: Desk, *, with_end: bool) -> None:
    pem = public(RSA) if with_end else public(RSA).rstrip()
    head = f"{part({'alg': 'HS256'})}.{part(CLAIMS)}"
    forged = f"{head}.{part(hmac.digest(pem.encode(), head.encode(), sha256))}"
    with pytest.raises(SessionInvalid):
        await desk.tokens.open(trusting("RS256", public(RSA)), forged)
    with pytest.raises(ConfigError):
        await desk.tokens.open(trusting("HS256", pem), forged)


async def test_another_algorithm_of_the_same_family_is_refused(desk: Desk) -> None:
    token = signed(OctKey.import_key(SECRET), "HS512")
    with pytest.raises(SessionInvalid):
        await desk.tokens.open(HS, token)
    with pytest.raises(SessionInvalid):
        await desk.tokens.open(trusting("RS256", public(RSA)), signed(RSA, "PS256"))


async def test_another_key_is_refused(desk: Desk) -> None:
    stranger = OctKey.import_key("another secret that is long enough too")
    with pytest.raises(SessionInvalid):
        await desk.tokens.open(HS, signed(stranger, "HS256"))


async def test_a_change_of_any_character_is_noticed(desk: Desk) -> None:
    token = shared()
    for at, was in enumerate(token):
        for instead in ("A" if was != "A" else "B", "."):
            if instead == was:
                continue
            with pytest.raises(SessionInvalid):
                await desk.tokens.open(HS, token[:at] + instead + token[at + 1 :])


async def test_a_jwt_expires_by_our_clock(desk: Desk) -> None:
    token = shared()
    desk.clock.at_ms = (NOW_S + 60) * 1_000 - 1
    await desk.tokens.open(HS, token)
    desk.clock.at_ms += 1
    with pytest.raises(SessionExpired):
        await desk.tokens.open(HS, token)


async def test_a_jwt_that_begins_later_is_refused_but_for_a_little_skew(desk: Desk) -> None:
    assert (await desk.tokens.open(HS, shared({**CLAIMS, "nbf": NOW_S + 30}))).user == "u-17"
    with pytest.raises(SessionInvalid, match="not valid yet"):
        await desk.tokens.open(HS, shared({**CLAIMS, "nbf": NOW_S + 32}))


@pytest.mark.parametrize("exp", ["soon", True, [1], {}])
async def test_an_expiry_that_is_no_number_is_refused(desk: Desk, exp: object) -> None:
    with pytest.raises(SessionInvalid, match="exp"):
        await desk.tokens.open(HS, shared({**CLAIMS, "exp": exp}))


@pytest.mark.parametrize("exp", [1e308, 2**62])
async def test_an_expiry_beyond_the_calendar_is_cut_to_its_end(desk: Desk, exp: float) -> None:
    opened = await desk.tokens.open(HS, shared({**CLAIMS, "exp": exp}))
    assert opened.expires_at_ms == 253_402_300_799_000


@pytest.mark.parametrize(
    "body", [b"[]", b"7", b"{", b"\xff", b'{"a": NaN}', b"[" * 3_000, b'{"a":' * 500 + b"1"]
)
async def test_a_payload_that_is_no_object_is_refused(desk: Desk, body: bytes) -> None:
    with pytest.raises(SessionInvalid):
        await desk.tokens.open(HS, shared(body))


async def test_a_jwt_of_more_than_8_kib_is_refused(desk: Desk) -> None:
    with pytest.raises(SessionInvalid, match="8192"):
        await desk.tokens.open(HS, shared({**CLAIMS, "note": "x" * 8_000}))


async def test_header_members_that_we_do_not_know_are_no_fault(desk: Desk) -> None:
    assert (await desk.tokens.open(HS, shared(CLAIMS, typ="JWT", cat="x"))).user == "u-17"


async def test_critical_header_members_that_we_do_not_know_are_refused(desk: Desk) -> None:
    head = f"{part({'alg': 'HS256', 'crit': ['x'], 'x': 1})}.{part(CLAIMS)}"
    token = f"{head}.{part(hmac.digest(SECRET.encode(), head.encode(), sha256))}"
    with pytest.raises(SessionInvalid):
        await desk.tokens.open(HS, token)


async def test_a_key_set_is_searched_by_kid(desk: Desk) -> None:
    other = RSAKey.generate_key(2048)
    keys = [
        {**EC.as_dict(private=False), "kid": "a"},
        {**RSA.as_dict(private=False), "kid": "b"},
        {**other.as_dict(private=False), "kid": "c"},
        {"kty": "unheard-of", "kid": "d"},
    ]
    verify = {"alg": "RS256", "jwks": {"keys": keys}}
    scope = a_scope(definition=a_definition(verify=verify))
    for kid, key in (("b", RSA), ("c", other)):
        assert (await desk.tokens.open(scope, signed(key, "RS256", kid=kid))).user == "u-17"
    for kid, key in (("c", RSA), ("a", RSA), ("z", RSA)):
        with pytest.raises(SessionInvalid):
            await desk.tokens.open(scope, signed(key, "RS256", kid=kid))
    with pytest.raises(SessionInvalid):
        await desk.tokens.open(scope, signed(RSA, "RS256"))


async def test_a_key_set_with_one_fit_key_needs_no_kid(desk: Desk) -> None:
    keys = [
        {**RSAKey.generate_key(2048).as_dict(private=False), "use": "enc"},
        {**RSAKey.generate_key(2048).as_dict(private=False), "alg": "RS512"},
        RSA.as_dict(private=False),
    ]
    verify = {"alg": "RS256", "jwks": {"keys": keys}}
    scope = a_scope(definition=a_definition(verify=verify))
    assert (await desk.tokens.open(scope, signed(RSA, "RS256"))).user == "u-17"


@pytest.mark.parametrize(
    "verify",
    [
        {"alg": "none", "key": SECRET},
        {"alg": "HS256"},
        {"key": SECRET},
        {"alg": ["HS256"], "key": SECRET},
        {"alg": "HS256", "key": "too short"},
        {"alg": "HS256", "key": "over 14 but below 32"},
        {"alg": "HS256", "key": ""},
        {"alg": "RS256", "key": "no PEM at all"},
        {"alg": "RS256", "key": public(EC)},
        {"alg": "ES256", "key": public(ECKey.generate_key("P-384"))},
        {"alg": "RS256", "jwks": {"keys": []}},
        {"alg": "RS256", "jwks": {"keys": [ED.as_dict(private=False)]}},
        {"alg": "RS256", "jwks": {"keys": [{"kty": "RSA"}]}},
        {"alg": "RS256", "jwks": "https://issuer.example/keys"},
    ],
)
async def test_a_definition_whose_key_cannot_be_used_is_its_own_fault(
    desk: Desk, verify: JsonObject
) -> None:
    scope = a_scope(definition=a_definition(verify=verify))
    with pytest.raises(ConfigError) as caught:
        await desk.tokens.open(scope, shared())
    assert str(caught.value.path).startswith("verify.")
    assert SECRET not in repr(caught.value) + str(caught.value.__cause__)


async def test_no_error_shows_key_token_or_claims(desk: Desk) -> None:
    token = shared({**CLAIMS, "exp": NOW_S - 1, "email": "ada@example.org"})
    for wrong in (token, token[:-2]):
        with pytest.raises(SessionInvalid) as caught:
            await desk.tokens.open(HS, wrong)
        shown = repr(caught.value) + repr(vars(caught.value)) + str(caught.value.__cause__)
        assert not any(one in shown for one in (SECRET, token[-20:-4], "ada@", "u-17"))
    assert SECRET not in repr(HS)


async def test_a_revoked_jwt_stays_revoked(desk: Desk) -> None:
    token, other = shared({**CLAIMS, "jti": "1"}), shared({**CLAIMS, "jti": "2"})
    await desk.tokens.revoke(HS, token)
    await desk.tokens.revoke(HS, token)
    with pytest.raises(SessionInvalid, match="revoked"):
        await desk.tokens.open(HS, token)
    assert (await desk.tokens.open(HS, other)).user == "u-17"


async def test_a_jwt_without_an_id_is_known_by_its_claims(desk: Desk) -> None:
    one = await desk.tokens.open(HS, shared())
    again = await desk.tokens.open(HS, shared(dict(reversed(CLAIMS.items()))))
    other = await desk.tokens.open(HS, shared({**CLAIMS, "role": "guest"}))
    assert one.session_id == again.session_id
    assert one.session_id != other.session_id


async def test_the_same_id_in_another_product_is_another_session(desk: Desk) -> None:
    elsewhere = a_scope("invoices", definition=HS.definition)
    token = shared({**CLAIMS, "jti": "1"})
    await desk.tokens.revoke(HS, token)
    assert (await desk.tokens.open(elsewhere, token)).user == "u-17"


async def test_neither_start_nor_refresh_issues_where_the_team_does(desk: Desk) -> None:
    with pytest.raises(ValidationError) as started:
        await desk.tokens.start(HS, {"userId": "u-17"})
    with pytest.raises(ValidationError) as refreshed:
        await desk.tokens.refresh(HS, shared())
    assert started.value.path == refreshed.value.path == "tag"


async def test_a_token_of_ours_is_none_of_the_team_s(desk: Desk) -> None:
    pair = await desk.tokens.start(a_scope(), {"userId": "u", "email": "e", "age": 1})
    with pytest.raises(SessionInvalid):
        await desk.tokens.open(HS, pair.token)

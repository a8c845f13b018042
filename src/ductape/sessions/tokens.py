"""Our own tokens: begun, opened, renewed, revoked (SPEC 6). The `TokenIssuer` of the product.

A session is a family: one row from its start through all its refreshes. Each refresh raises its
generation; the refresh token of the generation before may be repeated for 30 s and gets the very
same pair, which is kept sealed for that; an older one was copied, and ends the family. An access
token lives as long as its definition says, a refresh token 30 days or twice that. Where a
definition has `verify`, the team's own JWT is opened instead, and none is issued.
"""

from base64 import urlsafe_b64encode
from typing import assert_never

import msgspec
from msgspec.structs import replace

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.session import (
    MOST_TOKEN_BYTES,
    read_data,
    refresh_life_ms,
    standing,
    user_of,
)
from ductape.errors import SessionExpired, SessionInvalid, invalid
from ductape.ports.clock import Clock
from ductape.ports.entropy import Entropy
from ductape.ports.sessions import OpenedSession, SessionScope, TokenPair
from ductape.ports.stores.sessions import SessionFamily, SessionRows
from ductape.ports.vault import SealBroken, Vault
from ductape.sessions.claims import (
    AccessClaims,
    FamilyState,
    RefreshClaims,
    read_claims,
    to_ms,
    to_seconds,
    write_claims,
)
from ductape.sessions.foreign import open_foreign, revoked_family

SESSION_ID_BYTES = 16


class SessionTokens:
    """Issues, opens, renews and revokes tokens."""

    def __init__(self, vault: Vault, rows: SessionRows, clock: Clock, entropy: Entropy) -> None:
        self._vault = vault
        self._rows = rows
        self._clock = clock
        self._entropy = entropy

    async def start(self, scope: SessionScope, data: dict[str, object]) -> TokenPair:
        """Begin a session; raises `ValidationError` with every fault of the data."""
        _refuse_foreign(scope)
        definition = scope.definition
        checked = read_data(data, definition.schema, definition.selector)
        now_ms = self._clock.now_ms()
        family = SessionFamily(
            session_id=urlsafe_b64encode(self._entropy.token(SESSION_ID_BYTES)).decode()[:22],
            product=scope.product,
            env=scope.env,
            tag=scope.tag,
            user=user_of(checked, definition.selector),
            created_at_ms=now_ms,
            expires_at_ms=now_ms + refresh_life_ms(definition.expiry_ms),
        )
        pair = self._pair(scope, family, checked, now_ms)
        await self._rows.put(self._sealed(family, FamilyState(checked)), now_ms=now_ms)
        return pair

    async def open(self, scope: SessionScope, token: str) -> OpenedSession:
        """Verify and decrypt; raises `SessionInvalid` or `SessionExpired`."""
        now_ms = self._clock.now_ms()
        if scope.definition.verify:
            opened = open_foreign(scope, token, now_ms=now_ms)
            family = await self._rows.get(opened.session_id)
        else:
            opened = self._opened(scope, token, now_ms)
            family = await self._family(scope, opened.session_id)
        if family is not None and family.revoked:
            raise _revoked()
        return opened

    async def refresh(self, scope: SessionScope, refresh_token: str) -> TokenPair:
        """Replace a pair; the same answer within 30 s, later reuse revokes the session."""
        _refuse_foreign(scope)
        claims = read_claims(self._vault, scope, refresh_token, of=RefreshClaims)
        while True:
            now_ms = self._clock.now_ms()
            if to_ms(claims.exp) <= now_ms:
                raise SessionExpired("the refresh token has expired", hint=SessionInvalid.remedy)
            pair = await self._answer(scope, claims, now_ms)
            if pair is not None:
                return pair

    async def revoke(self, scope: SessionScope, token: str) -> None:
        """End a session by either of its tokens, expired or not; raises `SessionInvalid`."""
        if scope.definition.verify:
            now_ms = self._clock.now_ms()
            family = revoked_family(scope, token, now_ms=now_ms)
            if not await self._rows.revoke(family.session_id):
                await self._rows.put(family, now_ms=now_ms)
            return
        family = await self._family(scope, self._session_id(scope, token))
        await self._rows.revoke(family.session_id)

    async def _answer(
        self, scope: SessionScope, claims: RefreshClaims, now_ms: int
    ) -> TokenPair | None:
        """Answer a refresh; none where somebody else was faster and it must be judged anew."""
        family = await self._family(scope, claims.sid)
        if family.revoked:
            raise _revoked()
        present, rotated_at_ms = family.generation, family.rotated_at_ms
        judged = standing(claims.gen, present=present, rotated_at_ms=rotated_at_ms, now_ms=now_ms)
        match judged:
            case "present":
                return await self._rotated(scope, family, now_ms)
            case "repeated":
                return self._kept(family)
            case "reused":
                await self._rows.revoke(family.session_id)
                raise SessionInvalid(
                    "a refresh token was used again: its session has been revoked",
                    hint=SessionInvalid.remedy,
                )
            case _:
                assert_never(judged)

    async def _rotated(
        self, scope: SessionScope, family: SessionFamily, now_ms: int
    ) -> TokenPair | None:
        data = self._state(family).data
        renewed = replace(
            family,
            generation=family.generation + 1,
            rotated_at_ms=now_ms,
            expires_at_ms=now_ms + refresh_life_ms(scope.definition.expiry_ms),
        )
        pair = self._pair(scope, renewed, data, now_ms)
        renewed = self._sealed(renewed, FamilyState(data, pair))
        won = await self._rows.rotate(renewed, from_generation=family.generation)
        return pair if won else None

    def _pair(
        self, scope: SessionScope, family: SessionFamily, data: JsonObject, now_ms: int
    ) -> TokenPair:
        sid, iat = family.session_id, to_seconds(now_ms)
        exp = to_seconds(now_ms + scope.definition.expiry_ms)
        last = to_seconds(family.expires_at_ms)
        token = write_claims(self._vault, scope, AccessClaims(sid, iat, exp, data))
        if len(token) > MOST_TOKEN_BYTES:
            expected = f"data whose token has at most {MOST_TOKEN_BYTES} bytes"
            raise invalid("data", expected, f"{len(token)} bytes", hint="keep only what jobs need")
        refresh = RefreshClaims(sid, iat, last, family.generation)
        return TokenPair(token, write_claims(self._vault, scope, refresh))

    def _opened(self, scope: SessionScope, token: str, now_ms: int) -> OpenedSession:
        claims = read_claims(self._vault, scope, token, of=AccessClaims)
        if to_ms(claims.exp) <= now_ms:
            raise SessionExpired("the session token has expired", hint=SessionExpired.remedy)
        return OpenedSession(
            tag=scope.tag,
            session_id=claims.sid,
            data=claims.data,
            user=user_of(claims.data, scope.definition.selector),
            expires_at_ms=to_ms(claims.exp),
        )

    def _session_id(self, scope: SessionScope, token: str) -> str:
        try:
            return read_claims(self._vault, scope, token, of=AccessClaims).sid
        except SessionInvalid:
            return read_claims(self._vault, scope, token, of=RefreshClaims).sid

    async def _family(self, scope: SessionScope, session_id: str) -> SessionFamily:
        family = await self._rows.get(session_id)
        if family is None:
            raise SessionInvalid("this store does not know the session", hint=SessionInvalid.remedy)
        if (family.product, family.env, family.tag) != (scope.product, scope.env, scope.tag):
            raise SessionInvalid("the session belongs elsewhere", hint=SessionInvalid.remedy)
        return family

    def _kept(self, family: SessionFamily) -> TokenPair:
        pair = self._state(family).pair
        if pair is None:
            raise SessionInvalid("the session has no pair to repeat", hint=SessionInvalid.remedy)
        return pair

    def _sealed(self, family: SessionFamily, state: FamilyState) -> SessionFamily:
        plain = msgspec.json.encode(state)
        return replace(family, sealed=self._vault.seal(plain, place=_place(family.session_id)))

    def _state(self, family: SessionFamily) -> FamilyState:
        try:
            plain = self._vault.unseal(family.sealed, place=_place(family.session_id))
        except SealBroken as error:
            raise SessionInvalid(
                "the session's data cannot be opened with the present keys",
                hint="put the key it was sealed with back into the ring, or start a new session",
            ) from error
        return msgspec.json.decode(plain, type=FamilyState)


def _refuse_foreign(scope: SessionScope) -> None:
    if scope.definition.verify:
        expected = "a session whose tokens Ductape issues"
        found = "one whose definition verifies your own JWT"
        raise invalid("tag", expected, found, hint="issue and renew it where it comes from")


def _revoked() -> SessionInvalid:
    return SessionInvalid("the session has been revoked", hint=SessionInvalid.remedy)


def _place(session_id: str) -> str:
    return f"session/{session_id}"

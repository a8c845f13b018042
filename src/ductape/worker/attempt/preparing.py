"""From a claim to an invocation: the session opened, the event resolved, the references filled.

All of it anew for each attempt, so that a mended definition helps the retries under way (SPEC 8).
"""

import msgspec
from msgspec.structs import replace

from ductape.domain.change import CacheLead
from ductape.domain.fingerprint import cache_key
from ductape.domain.inputs import check_input
from ductape.domain.job import Claim, SealedSession
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.target import Target
from ductape.errors import SessionExpired, SessionInvalid, ValidationError
from ductape.ports.catalog import Catalog
from ductape.ports.clock import Clock
from ductape.ports.invoke import Call
from ductape.ports.sessions import SessionOpener
from ductape.ports.vault import Vault
from ductape.services.intake.building import session_place
from ductape.services.intake.injection import Injected, Injection, SessionData
from ductape.services.sealing import Sealing

DEFAULT_CACHE_MS = 300_000
"""How long a cache that the product does not define remembers (SPEC 7)."""


class Preparing:
    """Makes claims ready to execute."""

    def __init__(
        self,
        catalog: Catalog,
        sessions: SessionOpener,
        injection: Injection,
        vault: Vault,
        clock: Clock,
        default_cache_ms: int = DEFAULT_CACHE_MS,
    ) -> None:
        """Ask the ports."""
        self._catalog = catalog
        self._sessions = sessions
        self._injection = injection
        self._vault = vault
        self.sealing = Sealing(vault)
        self._clock = clock
        self._default_cache_ms = default_cache_ms
        self._cache_secret = vault.derive("cache")[1]

    async def prepare(self, claim: Claim, *, ends: bool = False) -> Injected:
        """Resolve everything but check nothing yet; raises what the attempt then fails with.

        What only `ends` what it began does so on behalf of a session that is over by now.
        """
        spec = claim.run.spec
        session = await self._session(claim, ends=ends)
        given = self.sealing.input_of(spec)
        target = await self._catalog.resolve(
            spec.product,
            spec.env,
            spec.event,
            spec.app,
            given,
            version=claim.product_version or None,
        )
        return await self._injection.inject(
            target,
            given,
            session,
            product=spec.product,
            env=spec.env,
            began_at_ms=claim.run.first_started_at_ms,
        )

    async def prepare_call(self, claim: Claim, call: Call, outer: Injected) -> Injected:
        """Resolve an event that a run calls; its input is whole and stays as it is."""
        spec = claim.run.spec
        target = await self.target_of(claim, call)
        injected = await self._injection.inject(
            target,
            {},
            outer.session,
            product=spec.product,
            env=spec.env,
        )
        return replace(injected, input=call.input)

    async def target_of(self, claim: Claim, call: Call) -> Target:
        """Resolve an event that a run calls; raises `NotFound` or `ValidationError`."""
        spec = claim.run.spec
        return await self._catalog.resolve(
            spec.product,
            spec.env,
            call.event,
            call.app,
            call.input,
            version=claim.product_version or None,
        )

    async def alone(self, product: str, env: str, event: str, given: JsonObject) -> Injected:
        """Resolve an event that is no part of a run; its input is whole and stays as it is."""
        target = await self._catalog.resolve(product, env, event, None, given)
        injected = await self._injection.inject(target, {}, None, product=product, env=env)
        return replace(injected, input=given)

    def kept(self, claim: Claim, result: JsonValue) -> JsonValue:
        """Return a result as it is stored: sealed, where its definition is sensitive."""
        return self.sealing.result_of(claim.run, result)

    @staticmethod
    def check(injected: Injected) -> None:
        """Judge the input again, now that it is whole; raises `ValidationError`.

        Apart from `prepare`, because its faults may show what was injected: the caller knows by
        then what to mask.
        """
        faults = check_input(injected.target, injected.input, resolved=True)
        if faults:
            raise ValidationError(faults)

    def cache_key(self, claim: Claim, injected: Injected) -> bytes:
        """Name the result that equal runs share."""
        spec = claim.run.spec
        return cache_key(
            self._cache_secret,
            product=spec.product,
            env=spec.env,
            kind=spec.kind.value,
            event=injected.target.event,
            app=injected.target.app,
            cache=spec.cache or "",
            target_digest=injected.target.digest,
            input=injected.input,
            session=_session_of(injected),
        )

    def call_key(self, claim: Claim, call: Call, injected: Injected) -> bytes:
        """Name the result that equal calls of events share."""
        spec = claim.run.spec
        return cache_key(
            self._cache_secret,
            product=spec.product,
            env=spec.env,
            kind=injected.target.kind.value,
            event=injected.target.event,
            app=injected.target.app,
            cache=call.cache or "",
            target_digest=injected.target.digest,
            input=injected.input,
            session=_session_of(injected),
        )

    async def lead(self, claim: Claim, key: bytes, injected: Injected) -> CacheLead:
        """Say what a run leaves for equal ones, if it completes."""
        spec = claim.run.spec
        tag = spec.cache or ""
        return CacheLead(
            key=key,
            product=spec.product,
            tag=tag,
            event=injected.target.event,
            kind=spec.kind.value,
            expiry_ms=await self.expiry_ms(claim, tag),
        )

    async def expiry_ms(self, claim: Claim, cache: str) -> int:
        """Tell how long results of a cache may answer others."""
        version = claim.product_version or None
        product = claim.run.spec.product
        defined = await self._catalog.cache_expiry_ms(product, cache, version=version)
        return self._default_cache_ms if defined is None else defined

    async def _session(self, claim: Claim, *, ends: bool) -> SessionData | None:
        spec = claim.run.spec
        sealed = spec.session
        if sealed is None:
            return None
        if not ends:
            await self._refuse_ended(claim, sealed)
        plain = self._vault.unseal(sealed.sealed, place=session_place(claim.run.job_id))
        return SessionData(sealed.tag, msgspec.json.decode(plain, type=JsonObject))

    async def _refuse_ended(self, claim: Claim, sealed: SealedSession) -> None:
        spec = claim.run.spec
        if await self._sessions.revoked(spec.product, spec.env, sealed.session_id):
            raise SessionInvalid("the session was revoked", path="session.token")
        expires = sealed.expires_at_ms
        if sealed.must_be_live and expires is not None and expires <= self._clock.now_ms():
            raise SessionExpired("the session has expired", path="session.token")


def _session_of(injected: Injected) -> JsonValue:
    """Return whose session a result depends on besides its input; none where on nobody's."""
    session = injected.session
    if session is None or not injected.target.reads_session:
        return None
    return [session.tag, session.data]

"""From a valid request to a job ready to be stored: the event resolved, the session sealed."""

import hashlib
from functools import partial

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.fingerprint import canonical, request_digest, twin_digest
from ductape.domain.identity import KeyHolder
from ductape.domain.inputs.topic import timeout_of
from ductape.domain.job import JobSpec, Run, SealedSession
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.parsing.repeat import first_run_fault
from ductape.domain.recurring import begin
from ductape.domain.request import JobRequest, SessionToken
from ductape.domain.target import Target
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import NotFound, SessionInvalid, ValidationError, fault
from ductape.ports.catalog import Catalog
from ductape.ports.clock import Clock
from ductape.ports.entropy import Entropy
from ductape.ports.sessions import OpenedSession, SessionOpener
from ductape.ports.stores.intake import NewJob
from ductape.ports.vault import Vault
from ductape.services.intake.callbacks import callback_faults
from ductape.services.intake.ids import Ids
from ductape.services.intake.injection import SessionData
from ductape.services.intake.judging import Ask, judged, named
from ductape.services.intake.looking_further import all_that_is_wrong
from ductape.services.intake.session_uses import session_faults
from ductape.services.sealing import Sealing
from ductape.services.telling import Telling

DEFAULT_TIMEOUT_MS = 60_000


class Built(Struct, frozen=True, gc=False):
    """A job ready to be stored, and what the receipt tells about it."""

    job: NewJob
    warnings: tuple[str, ...]
    target: Target
    """What its event resolved to."""


class Builder:
    """Makes jobs of requests."""

    def __init__(
        self,
        catalog: Catalog,
        sessions: SessionOpener,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
        zones: ZoneLookup,
        telling: Telling,
    ) -> None:
        """Ask the ports; `telling` adds what webhooks are told of a new job."""
        self._catalog = catalog
        self._sessions = sessions
        self._vault = vault
        self._sealing = Sealing(vault)
        self._clock = clock
        self._ids = Ids(entropy)
        self._zones = zones
        self._telling = telling

    async def build(
        self, request: JobRequest, *, held: KeyHolder | None, now_ms: int, version: int
    ) -> Built:
        """Make a job; `held` is the recurring one that has the request's key.

        Raises `NotFound`, `ValidationError`, `ReferenceMissing`, `SessionInvalid` and the like,
        with all that is wrong: nothing is stored then.
        """
        try:
            return await self._build(request, held=held, now_ms=now_ms, version=version)
        except (NotFound, ValidationError, SessionInvalid) as error:
            asking = partial(self._asking, request, version)
            whole = await all_that_is_wrong(error, request, asking, partial(self._open, request))
            raise whole from (None if whole is error else error)

    async def _build(
        self, request: JobRequest, *, held: KeyHolder | None, now_ms: int, version: int
    ) -> Built:
        ask = self._asking(request, version, request.env)
        target, called = await named(request, ask)
        request = as_asked(request, target)
        session = await self._open(request, request.env)
        data = None if session is None else SessionData(session.tag, session.data)
        lacking = await session_faults(called, ask, data)
        mapped = await callback_faults(called, request.input, ask)
        warnings = (*request.warnings, *judged(target, called, request, data, lacking, mapped))
        identity = self._ids.new(now_ms) if held is None else held.job_id
        sealed = self._sealed(request.session, session, identity)
        spec = self._sealing.hidden(_spec_of(request, target, called, sealed, now_ms), identity)
        job = replace(self._job(identity, spec, request, session, now_ms), product_version=version)
        if held is None or held.digest != job.digest:
            self._refuse_over(job, request, now_ms)
        await self._telling.learn(self._catalog, request.product, version)
        return Built(self._telling.added(job, now_ms), warnings, target)

    def once(
        self,
        spec: JobSpec,
        digest: bytes,
        target: Target,
        version: int,
        start_at_ms: int,
        now_ms: int,
    ) -> Built:
        """Make a one-off job of a specification that is known to be good."""
        identity = self._ids.new(now_ms)
        spec = self._sealing.hidden(spec, identity)
        run = _only_run(identity, spec, start_at_ms, now_ms)
        job = NewJob(identity, spec, run, None, digest, product_version=version)
        return Built(self._telling.added(job, now_ms), (), target)

    def _job(
        self,
        identity: str,
        spec: JobSpec,
        request: JobRequest,
        session: OpenedSession | None,
        now_ms: int,
    ) -> NewJob:
        digest = request_digest(request) if request.key is not None else b""
        if request.repeat is None:
            run = _only_run(identity, spec, request.start_at_ms, now_ms)
            return NewJob(identity, spec, run, None, digest)
        goes_on_ms = request.goes_on_at_ms
        start_ms = request.start_at_ms if goes_on_ms is None else goes_on_ms
        since_ms = now_ms if goes_on_ms is None else min(goes_on_ms, now_ms)
        schedule, first = begin(
            identity, spec, start_at_ms=start_ms, now_ms=since_ms, zones=self._zones
        )
        twin = None
        if request.key is None:
            twin = twin_digest(request, session_subject=_subject(session))
        return NewJob(identity, spec, first, schedule, digest, twin)

    def _refuse_over(self, job: NewJob, request: JobRequest, now_ms: int) -> None:
        """Refuse a recurrence that would never run."""
        if request.repeat is None or job.run is not None:
            return
        early = first_run_fault(
            request.repeat,
            "repeat",
            start_at_ms=request.start_at_ms,
            now_ms=now_ms,
            zones=self._zones,
        )
        usual = fault("repeat.endDate", "an instant at or after the first run", "one before it")
        raise ValidationError([early or usual])

    def _asking(self, request: JobRequest, version: int, env: str) -> Ask:
        async def ask(event: str, app: str | None, given: JsonObject | None = None) -> Target:
            given = request.input if given is None else given
            return await self._catalog.resolve(
                request.product, env, event, app, given, version=version
            )

        return ask

    async def _open(self, request: JobRequest, env: str) -> OpenedSession | None:
        token = request.session
        if token is None:
            return None
        try:
            return await self._sessions.open(request.product, env, token.tag, token.token)
        except SessionInvalid as error:
            error.path = error.path or "session.token"
            raise

    def _sealed(
        self, token: SessionToken | None, session: OpenedSession | None, identity: str
    ) -> SealedSession | None:
        if session is None or token is None:
            return None
        return SealedSession(
            tag=session.tag,
            session_id=session.session_id,
            user=session.user,
            sealed=self._vault.seal(
                msgspec.json.encode(session.data), place=session_place(identity)
            ),
            expires_at_ms=session.expires_at_ms,
            must_be_live=token.must_be_live,
        )


def as_asked(request: JobRequest, target: Target) -> JobRequest:
    """Return a request as another equals it: a time-out that it would have anyway is none.

    Other defaults are the request's own; this one depends on what the event resolves to.
    """
    usual = request.timeout_ms == _usual_timeout_ms(request, target)
    return replace(request, timeout_ms=None) if usual else request


def _usual_timeout_ms(request: JobRequest, target: Target) -> int:
    return target.timeout_ms or timeout_of(target.kind, request.input) or DEFAULT_TIMEOUT_MS


def session_place(identity: str) -> str:
    """Name where a job's session is sealed to."""
    return f"{identity}/session"


def _spec_of(
    request: JobRequest,
    target: Target,
    called: Target,
    session: SealedSession | None,
    now_ms: int,
) -> JobSpec:
    return JobSpec(
        product=request.product,
        env=request.env,
        event=request.event,
        kind=target.kind,
        input=request.input,
        retries=request.retries,
        created_at_ms=now_ms,
        app=request.app or target.app,
        needs=target.needs,
        cache=request.cache,
        session=session,
        repeat=request.repeat,
        key=request.key,
        retry=request.retry,
        timeout_ms=request.timeout_ms or _usual_timeout_ms(request, target),
        expires_at_ms=request.expires_at_ms,
        priority=request.priority,
        queue=request.queue,
        on_lost=request.on_lost,
        metadata=request.metadata,
        concurrency_key=request.concurrency_key,
        concurrency_limit=request.concurrency_limit,
        sensitive=target.sensitive,
        points_at=None if called is target else called.kind,
        calls_features=target.calls_features,
    )


def _only_run(identity: str, spec: JobSpec, start_at_ms: int, now_ms: int) -> Run:
    due = max(start_at_ms, now_ms)
    return Run(
        job_id=identity,
        number=1,
        state="queued" if due <= now_ms else "scheduled",
        spec=spec,
        scheduled_at_ms=due,
        due_at_ms=due,
    )


def _subject(session: OpenedSession | None) -> str | None:
    if session is None:
        return None
    if session.user is not None:
        return f"user:{session.user}"
    return "data:" + hashlib.sha256(canonical(session.data)).hexdigest()

"""Executing one claim: prepare, consult the cache, call the handler, and say how it ended."""

import asyncio
from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from ductape.domain.job import Run, attempt_ms, under_way
from ductape.domain.jsonlimits import DEFAULT
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.outcome import (
    Cached,
    Cancelled,
    Expired,
    Failure,
    Interrupted,
    Outcome,
    Parked,
    StoredError,
    Success,
    Suspended,
)
from ductape.domain.request import JobEventTypes
from ductape.domain.steps import WHOLE
from ductape.errors import DuctapeError, SessionInvalid
from ductape.ports.clock import Clock
from ductape.ports.handler import Handler, Invocation
from ductape.ports.steps import Suspend, Unwound
from ductape.ports.stores import Store
from ductape.ports.stores.memory import Follows, Fresh, Leads
from ductape.ports.stores.result_files import ResultFile
from ductape.services.intake.injection import Injected
from ductape.worker.attempt.context import RunContext
from ductape.worker.attempt.failing import failure_of, timed_out
from ductape.worker.attempt.held import Held
from ductape.worker.attempt.invoking import Around, engine_of
from ductape.worker.attempt.news import News
from ductape.worker.attempt.oversize import fitting
from ductape.worker.attempt.preparing import Preparing
from ductape.worker.attempt.step_cache import StepCache
from ductape.worker.attempt.step_log import StepLog
from ductape.worker.attempt.stepping import FeatureSteps

NEAR_MS = 5
"""How long before its instant a run that waits for it looks at the clock again."""
CHOOSING = frozenset({JobEventTypes.FALLBACK, JobEventTypes.QUOTA})
"""Kinds whose every attempt tries its options anew."""
DAY_MS = 86_400_000
"""By how much longer a store that keeps history by the day may keep a run."""


class Running:
    """Executes claims through the handlers."""

    def __init__(
        self,
        store: Store,
        preparing: Preparing,
        handlers: Mapping[JobEventTypes, Handler],
        clock: Clock,
        news: News,
        result_bytes: int = DEFAULT.result_bytes,
        tags: frozenset[str] = frozenset(),
    ) -> None:
        """Call the handler of each kind; a result has at most so many bytes as JSON.

        `news` tells those who want to know when an attempt begins; `tags` are those of the Python
        handlers that this process has, as `function:resize`.
        """
        self._store = store
        self._preparing = preparing
        self._handlers = handlers
        self._clock = clock
        self._result_bytes = result_bytes
        self._tags = tags
        self._cache = StepCache(store.memory, preparing, clock)
        self._news = news

    async def execute(self, held: Held) -> Outcome | Parked | None:
        """Execute a held run; none where it must be left to others (its lease was lost)."""
        log = StepLog(held, self._store.steps, self._clock, self._preparing.sealing)
        try:
            return await self._attempt(held, log)
        except Suspend as suspend:
            left = Suspended(suspend.until_ms, suspend.lacks, undoing=log.undoing)
            return left if held.why is None else self._stopped(held)
        except Unwound:
            return Cancelled(log.reason)
        except asyncio.CancelledError:
            return self._stopped(held)
        except Exception as error:  # noqa: BLE001 (the call of a handler: recorded as a failure)
            if held.why is not None:
                return self._stopped(held)
            return failure_of(error, held.telling(self._clock.now_ms()))

    async def _attempt(self, held: Held, log: StepLog) -> Outcome | Parked | None:
        # Before all that can end it: who decides then cannot wait.
        told = self._news.whom(held.claim)
        if told is None and not await self._news.learned(held.claim):
            return Interrupted(begun=False)
        injected = await self._found(held, log)
        if not isinstance(injected, Injected):
            return injected
        if injected.target.stepwise:
            await log.open()
        held.sensitive = injected.sensitive
        held.quotes = not injected.target.sensitive
        self._preparing.check(injected)
        if held.claim.run.spec.cache is not None:
            answer = await self._recall(held, injected)
            if not isinstance(answer, Leads):
                return answer
        if told != () and not await self._news.started(held.claim):
            return Interrupted(begun=False)
        invocation = self._invocation(held, injected, log)
        try:
            result = await self._fitting(held, invocation)
        finally:
            await log.flush()
        if held.why == "timeout":
            return self._stopped(held)
        return Success(self._preparing.kept(held.claim, result))

    async def _found(self, held: Held, log: StepLog) -> Injected | Outcome:
        """Resolve the event when the run is due, unless it may not begin any more."""
        await self._until_due(held.claim.run)
        if self._is_expired(held.claim.run):
            return Expired()
        if held.claim.run.spec.stepwise:
            await self._keep_version(held, log)
        injected = await self._prepared(held, log)
        if held.claim.run.spec.stepwise or not injected.target.stepwise:
            return injected
        if not await self._learn_of_steps(held):
            return await self._asked_meanwhile(held)
        await self._keep_version(held, log)
        return await self._prepared(held, log)

    async def _learn_of_steps(self, held: Held) -> bool:
        """Note that a run calls features, by a version that is younger than the job."""
        run = held.claim.run
        spec = replace(run.spec, calls_features=True)
        if not await self._store.claims.learn(held.ref, spec):
            return False
        held.claim = replace(held.claim, run=replace(run, spec=spec))
        return True

    async def _asked_meanwhile(self, held: Held) -> Outcome:
        """Say what it means that a run may not go on: somebody has stopped it, or has it."""
        asked = await self._store.claims.asked_to_stop(held.claim.run.worker or "")
        reasons = [reason for ref, reason in asked if ref == held.ref]
        return Cancelled(reasons[0]) if reasons else Interrupted(begun=False)

    async def _prepared(self, held: Held, log: StepLog) -> Injected:
        """Resolve the event; a feature whose session is over undoes what it has done for it."""
        try:
            return await self._preparing.prepare(held.claim)
        except SessionInvalid as error:
            steps = FeatureSteps(log, WHOLE)
            if not log.is_open or not steps.recorded:
                raise
            if steps.unwinding is None:
                await steps.unwind(steps.failure(error))
            return await self._preparing.prepare(held.claim, ends=True)

    async def _fitting(self, held: Held, invocation: Invocation) -> JsonValue:
        """Return what the handler returns, or where it lies, if the store does not take it.

        Where it can lie nowhere, a feature that is not to be tried again undoes what it has done.
        """
        handler = self._handlers[invocation.target.kind]
        result = await handler(invocation)
        note, steps = partial(self._note_file, held), invocation.steps
        try:
            return await fitting(result, invocation, self._result_bytes, note)
        except DuctapeError as error:
            if steps is None or not steps.is_last(failure := steps.failure(error)):
                raise
            await steps.unwind(failure)
            return await handler(invocation)

    async def _note_file(self, held: Held, storage: str, name: str) -> None:
        """Store that the run is about to have a file; a cache may need it for longer than it."""
        run, lead = held.claim.run, held.lead
        lingers_ms = 0 if lead is None else lead.expiry_ms + DAY_MS
        spec = run.spec
        await self._store.result_files.note(
            ResultFile(run.job_id, run.number, spec.product, spec.env, storage, name, lingers_ms)
        )

    def _is_expired(self, run: Run) -> bool:
        """Tell whether a run may start no more; a feature that was held has started already."""
        expires_ms = run.spec.expires_at_ms
        resumed = under_way(run) and run.first_started_at_ms != run.started_at_ms
        return expires_ms is not None and self._clock.now_ms() > expires_ms and not resumed

    @staticmethod
    async def _keep_version(held: Held, log: StepLog) -> None:
        """Let a feature go on with the product's version that it began with.

        What chooses between features begins with the present one where it tries them all anew.
        """
        await log.open()
        if log.version is None or (held.claim.run.spec.kind in CHOOSING and log.is_given_up):
            await log.keep_version(held.claim.product_version)
        else:
            held.claim = replace(held.claim, product_version=log.version)

    async def _until_due(self, run: Run) -> None:
        """Wait for the instant of a run that was claimed a moment before it."""
        due_ms, started_ms = run.due_at_ms, run.started_at_ms
        if started_ms is not None and due_ms < started_ms:
            return
        while (early_ms := due_ms - self._clock.now_ms()) > 0:
            # The clock may be known better by then.
            nearer_ms = early_ms - NEAR_MS if early_ms > 2 * NEAR_MS else early_ms
            await asyncio.sleep(nearer_ms / 1000)

    async def _recall(self, held: Held, injected: Injected) -> Cached | Parked | Leads | None:
        """Consult the cache; leading, remember what to leave there."""
        claim = held.claim
        key = self._preparing.cache_key(claim, injected)
        leading = replace(claim, run=replace(claim.run, cache_key=key))
        told: Fresh | Follows | Leads | None = Leads()  # if it was held, it leads still
        if claim.run.cache_key != key:
            try:
                told = await self._store.memory.recall(held.ref, key, now_ms=self._clock.now_ms())
            except asyncio.CancelledError:
                held.claim = leading  # by now, maybe: whoever follows is let go with it
                raise
        match told:
            case Fresh(result):
                return Cached(result)
            case Follows():
                return Parked(key)
            case None:
                return None
            case Leads():
                held.claim = leading
                held.lead = await self._preparing.lead(leading, key, injected)
                return told

    def _invocation(self, held: Held, injected: Injected, log: StepLog) -> Invocation:
        spec = held.claim.run.spec
        context = RunContext(held, self._store.claims, self._clock, self._preparing.sealing)
        around = Around(
            held,
            self._preparing,
            self._handlers,
            self._clock,
            context,
            log,
            self._cache,
            self._tags,
        )
        return Invocation(
            target=injected.target,
            input=injected.input,
            product=spec.product,
            env=spec.env,
            context=context,
            engine=engine_of(around, injected),
            steps=FeatureSteps(log, WHOLE) if log.is_open else None,
        )

    def _stopped(self, held: Held) -> Outcome | None:
        """Say what being told to stop means for the run."""
        now_ms = self._clock.now_ms()
        match held.why:
            case "timeout":
                return timed_out(attempt_ms(held.claim.run.spec), now_ms=now_ms)
            case "cancel" if under_way(held.claim.run):
                return Suspended(now_ms)  # to undo what has finished, in an attempt of its own
            case "cancel":
                return Cancelled(held.reason)
            case "interrupt":
                return Interrupted()
            case "abandoned":
                return None
            case None:
                message = "the handler cancelled its own task"
                error = StoredError("HANDLER_ERROR", message, "CancelledError", now_ms)
                return Failure(error)

    def cut_off(self, held: Held) -> Outcome | None:
        """Say how a run ends that did not stop within its grace time."""
        return self._stopped(held)

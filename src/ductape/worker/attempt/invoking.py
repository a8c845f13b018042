"""The engine as an attempt sees it: filling its mappings, and running further events inside of it.

What is run inside is resolved, checked and handled as a run of its own would be, but it is a part
of this one: its time, its checkpoint and what is to be masked are the run's.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from ductape.domain.inputs import check_input
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.outcome import Failure, Success
from ductape.domain.references import resolve, scope, sensitive_texts, tree_source
from ductape.domain.request import JobEventTypes
from ductape.domain.steps import NO_CACHE
from ductape.domain.target import Target
from ductape.domain.webhooks.events import is_delivery
from ductape.errors import NotFound, ProviderError, ValidationError, invalid
from ductape.ports.clock import Clock
from ductape.ports.handler import Context, Handler, Invocation
from ductape.ports.invoke import Call, Engine
from ductape.ports.steps import Suspend
from ductape.services.intake.injection import Injected, sources_of
from ductape.worker.attempt.context import LARGEST_CHECKPOINT, encoded_size
from ductape.worker.attempt.failing import failure_of
from ductape.worker.attempt.held import Held
from ductape.worker.attempt.patience import TooLate, within
from ductape.worker.attempt.preparing import Preparing
from ductape.worker.attempt.step_cache import StepCache
from ductape.worker.attempt.step_log import StepLog
from ductape.worker.attempt.stepping import FeatureSteps

DEEPEST = 8
"""How deep events may call one another (SPEC 8)."""

LOOK_AGAIN_MS = 10_000
"""How long a run waits that needs two handlers at once, before another worker may try it."""


class Kept:
    """The checkpoints of a run's calls, by path: together they are the run's."""

    def __init__(self, context: Context) -> None:
        """Begin with what an earlier attempt has kept."""
        last = context.last_checkpoint
        self._context = context
        self._by_path: JsonObject = dict(last) if isinstance(last, dict) else {}
        self._writing = asyncio.Lock()

    def at(self, path: str) -> JsonValue:
        """Return what a call has kept; none if nothing."""
        return self._by_path.get(path)

    async def keep(self, path: str, value: JsonValue) -> None:
        """Store a call's checkpoint beside those of the others."""
        async with self._writing:
            await self._write({**self._by_path, path: value})

    async def keep_if_it_fits(self, path: str, value: JsonValue) -> bool:
        """Do as `keep` does; false where all of them together would take too much room."""
        async with self._writing:
            grown = {**self._by_path, path: value}
            if encoded_size(grown) > LARGEST_CHECKPOINT:
                return False
            await self._write(grown)
            return True

    async def _write(self, grown: JsonObject) -> None:
        await self._context.checkpoint(grown)
        self._by_path = grown


@dataclass(slots=True)
class Around:
    """What all calls of one run share; most runs make none."""

    held: Held
    preparing: Preparing
    handlers: Mapping[JobEventTypes, Handler]
    clock: Clock
    context: Context
    """The run's own."""
    log: StepLog
    cache: StepCache
    tags: frozenset[str] = frozenset()
    """Of the Python handlers that this process has."""
    kept: Kept | None = None

    def checkpoints(self) -> Kept:
        """Return the checkpoints of all calls."""
        if self.kept is None:
            self.kept = Kept(self.context)
        return self.kept


class RunEngine:
    """Implements `ports.invoke.Engine` for one attempt, or for one call inside of it."""

    def __init__(
        self,
        around: Around,
        injected: Injected,
        path: str = "",
        depth: int = 1,
        *,
        bound: bool = False,
        within: FeatureSteps | None = None,
    ) -> None:
        """Stand at `path` in the run, `depth` calls deep, `bound` below a Python handler.

        `within` are the steps of the feature that calls, if one does.
        """
        self._around = around
        self._injected = injected
        self._path = path
        self._depth = depth
        self._within = within
        self._bound = bound or injected.target.needs is not None
        """Whether a Python handler is at work: who goes on needs that one too."""

    def mapped(
        self, mapping: JsonValue, sources: Mapping[str, JsonObject], *, at_ms: int | None = None
    ) -> JsonValue:
        """Fill a definition's mapping."""
        found = sources_of(self._injected.target, self._injected.session)
        given = {name: tree_source(tree) for name, tree in sources.items()}
        around = scope({**found, **given}, at_ms or self._around.clock.now_ms())
        self.hide(sensitive_texts(mapping, around))
        return resolve(mapping, around, path="definition")

    @property
    def began_at_ms(self) -> int:
        """When what calls first began: the step that it is a part of, else the run."""
        step, run = self._around.log.around(self._path), self._around.held.claim.run
        begun_ms = run.first_started_at_ms if step is None else step.started_at_ms
        return begun_ms or self._around.clock.now_ms()

    async def kind_of(self, call: Call) -> JobEventTypes | None:
        """Tell of what kind the event of a call is; what is wrong with it is told by `invoke`."""
        around = self._around
        try:
            return (await around.preparing.target_of(around.held.claim, call)).kind
        except (NotFound, ValidationError):
            return None

    async def invoke(self, call: Call) -> JsonValue:
        """Run an event to its result."""
        injected = await self._prepared(call)
        self._leave_to_others(injected.target)
        return await self._run(call, injected)

    async def _run(self, call: Call, injected: Injected) -> JsonValue:
        path = f"{self._path}/{call.path}" if self._path else call.path
        if injected.target.stepwise:
            await self._around.log.open()
        if injected.target.sensitive:
            self._around.log.hide(path)
        around = self._around

        async def work() -> JsonValue:
            return await self._handled(injected, call, path)

        if call.cache is None:
            return await work()
        if injected.target.stepwise:
            raise invalid("cache", "none for a feature", f"`{call.cache}`", hint=NO_CACHE)
        return await around.cache.result(around.held.claim, call, injected, work)

    def _leave_to_others(self, target: Target) -> None:
        """Raise `Suspend` where this process lacks the handler: a worker that has it goes on."""
        if target.needs is None or target.needs in self._around.tags:
            return
        now_ms = self._around.clock.now_ms()
        if self._bound:
            raise Suspend(now_ms + LOOK_AGAIN_MS)
        raise Suspend(now_ms, target.needs)

    async def _handled(self, injected: Injected, call: Call, path: str) -> JsonValue:
        """Call the handler, for no longer than the call may take."""
        invocation = self._invocation(injected, call, path)
        handler = self._around.handlers[injected.target.kind]
        if call.timeout_ms is None:
            return await handler(invocation)
        try:
            leave = self._around.held.left.add
            return await within(call.timeout_ms, handler(invocation), leave)
        except TooLate as error:
            message = f"`{call.path}` took longer than its time-out of {call.timeout_ms} ms"
            raise ProviderError("TIMEOUT", message) from error

    def hide(self, texts: tuple[str, ...]) -> None:
        """Have texts masked in the run's errors."""
        held = self._around.held
        held.sensitive = tuple(dict.fromkeys((*held.sensitive, *texts)))

    async def tried(self, call: Call) -> Success | Failure:
        """Run an event to its result or its failure, masked."""
        try:
            return Success(await self._run(call, await self._prepared(call)))
        except Exception as error:  # noqa: BLE001 (the call of a handler: returned as a failure)
            around = self._around
            return failure_of(error, around.held.telling(around.clock.now_ms()))

    def remembered(self, name: str) -> JsonValue:
        """Return what was remembered under a name."""
        kept = self._around.checkpoints().at(f"{self._path}#{name}")
        sensitive = self._injected.target.sensitive
        return self._around.preparing.sealing.opened(kept) if sensitive else kept

    async def remember(self, name: str, value: JsonValue) -> bool:
        """Store what a further attempt must not do again; false where there is no room for it."""
        path = f"{self._path}#{name}"
        if self._injected.target.sensitive:
            run = self._around.held.claim.run
            value = self._around.preparing.sealing.sealed(
                value, f"{run.job_id}/{run.number}/{path}"
            )
        return await self._around.checkpoints().keep_if_it_fits(path, value)

    async def _prepared(self, call: Call) -> Injected:
        """Resolve what is called and check its input, which is whole already."""
        if self._depth >= DEEPEST:
            raise invalid("event", f"at most {DEEPEST} events deep", f"`{call.event}` below them")
        around = self._around
        injected = await around.preparing.prepare_call(around.held.claim, call, self._injected)
        self.hide(injected.sensitive)
        around.held.quotes &= not injected.target.sensitive
        kind = injected.target.kind
        if call.kind not in (None, kind):
            raise invalid("event", f"an event of kind {call.kind}", f"`{call.event}`, a {kind}")
        if is_delivery(kind, injected.target.event):
            raise invalid("event", "an event of the product", "a webhook, which the system calls")
        if faults := check_input(injected.target, call.input, resolved=True):
            raise ValidationError(faults)
        return injected

    def _invocation(self, injected: Injected, call: Call, path: str) -> Invocation:
        around, depth, within = self._around, self._depth + 1, self._within
        spec, steps = around.held.claim.run.spec, None
        if injected.target.stepwise:
            within = steps = FeatureSteps(around.log, f"{path}/", call, within)
        return Invocation(
            target=injected.target,
            input=call.input,
            product=spec.product,
            env=spec.env,
            context=CallContext(around, path, call.timeout_ms),
            engine=RunEngine(around, injected, path, depth, bound=self._bound, within=within),
            steps=steps,
        )


class CallContext:
    """The context of one call inside of a run."""

    def __init__(self, around: Around, path: str, timeout_ms: int | None) -> None:
        """Speak for the run, at one of its paths."""
        run = around.context
        self._around = around
        self._path = path
        self._kept = around.checkpoints()
        self.job_id = run.job_id
        self.run = run.run
        self.attempt = run.attempt
        self._until_ms = None if timeout_ms is None else around.clock.now_ms() + timeout_ms
        self.deadline_ms = min(run.deadline_ms, self._until_ms or run.deadline_ms)
        self.idempotency_key = f"{run.idempotency_key}:{path}"

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked the run to stop, or this call's own time is over."""
        over = self._until_ms is not None and self._around.clock.now_ms() >= self._until_ms
        return over or self._around.context.cancelled

    @property
    def last_checkpoint(self) -> JsonValue:
        """What this call checkpointed last, in this attempt or an earlier one."""
        return self._kept.at(self._path)

    async def checkpoint(self, value: JsonValue) -> None:
        """Store partial success at once for the next attempt, beside that of other calls."""
        await self._kept.keep(self._path, value)

    async def progress(
        self, done: float, total: float | None = None, note: str | None = None
    ) -> None:
        """Show how far the run is: its own handler tells that, not what it calls."""

    def heartbeat(self) -> None:
        """Tell that the call is alive."""
        self._around.context.heartbeat()


def engine_of(around: Around, injected: Injected) -> Engine:
    """Make the engine of an attempt."""
    return RunEngine(around, injected)

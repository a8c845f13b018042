"""What a feature written in Python sees of its run: steps that are done once, whatever happens.

The function is called anew after every hold, crash or retry. What has finished is replayed from
its record, so the function must ask for the same steps in the same order each time, and await
nothing but them: what it does beside them is done again each time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import cast

from msgspec.structs import replace

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.scalars import SPAN_MAX_MS
from ductape.domain.request import JobEventTypes
from ductape.domain.steps import Step
from ductape.errors import ProviderError, invalid
from ductape.handlers.python.containing import CONTAINED
from ductape.handlers.python.replay import Replay
from ductape.handlers.python.results import json_result
from ductape.ports.handler import Invocation
from ductape.ports.invoke import Call
from ductape.ports.steps import Plan, Steps, Unwound, Work

Function = Callable[..., object]


class FeatureContext:
    """The run that a feature is executing."""

    def __init__(self, invocation: Invocation, steps: Steps, replay: Replay) -> None:
        """Speak for a run."""
        context = invocation.context
        self.job_id = context.job_id
        self.run = context.run
        self.attempt = context.attempt
        self.deadline = context.deadline_ms
        self.idempotency_key = context.idempotency_key
        self._invocation = invocation
        self._steps = steps
        self._replay = replay

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked this run to stop."""
        return self._invocation.context.cancelled

    async def step(
        self,
        name: str,
        function: Function,
        *args: object,
        retries: int = 0,
        timeout: int | None = None,
        allow_fail: bool = False,
        undo: Function | None = None,
    ) -> JsonValue:
        """Call a function once and keep its result, which must be JSON.

        `timeout` is in milliseconds, for one try. `undo` is called with the result where the
        feature fails for good or is cancelled later on.
        """

        async def work() -> JsonValue:
            return json_result(await self._within(timeout, function, *args))

        plan = Plan(self._replay.named(name), "step", retries, allow_fail)
        return await self._done(plan, work, undo)

    async def event(  # noqa: PLR0913 (each says one thing about the step)
        self,
        event: str,
        input: JsonObject | None = None,  # noqa: A002 (SPEC 1 names it so)
        *,
        app: str | None = None,
        kind: str | None = None,
        name: str | None = None,
        retries: int = 0,
        timeout: int | None = None,
        allow_fail: bool = False,
        undo: Function | None = None,
    ) -> JsonValue:
        """Run an event of the product once and keep its result."""
        plan = Plan(self._replay.named(name or event), kind or "event", retries, allow_fail)
        call = Call(
            event=event,
            input={} if input is None else input,
            path=plan.path,
            app=app,
            kind=None if kind is None else JobEventTypes(kind),
            may_fail=allow_fail,
        )
        return await self._called(plan, call, timeout, undo)

    async def action(self, event: str, given: JsonObject | None = None, **how: object) -> JsonValue:
        """Call an app's action once; `how` is as `event` takes it."""
        return await self._of_kind("action", event, given, how)

    async def notification(
        self, event: str, given: JsonObject | None = None, **how: object
    ) -> JsonValue:
        """Send a notification once."""
        return await self._of_kind("notification", event, given, how)

    async def database(
        self, event: str, given: JsonObject | None = None, **how: object
    ) -> JsonValue:
        """Execute a database action once."""
        return await self._of_kind("database_action", event, given, how)

    async def storage(
        self, event: str, given: JsonObject | None = None, **how: object
    ) -> JsonValue:
        """Do one operation on a storage once."""
        return await self._of_kind("storage", event, given, how)

    async def function(self, event: str, payload: JsonValue = None, **how: object) -> JsonValue:
        """Invoke a function once."""
        return await self._of_kind("function", event, {"payload": payload}, how)

    async def publish(
        self, event: str, given: JsonObject | None = None, **how: object
    ) -> JsonValue:
        """Publish a message once."""
        return await self._of_kind("publish", event, given, how)

    async def job(self, event: str, given: JsonObject | None = None, **how: object) -> JsonValue:
        """Run a job's handler once."""
        return await self._of_kind("job", event, given, how)

    async def child(self, event: str, given: JsonObject | None = None, **how: object) -> JsonValue:
        """Run another feature, its steps recorded below this one's."""
        return await self._of_kind("feature", event, given, how)

    async def sleep(self, ms: float, *, name: str = "sleep") -> None:
        """Let `ms` milliseconds pass, also days of them, without holding a worker."""
        if not 0 <= ms <= SPAN_MAX_MS:
            raise invalid("ms", f"milliseconds, 0 to {SPAN_MAX_MS}", str(ms))
        plan = Plan(self._replay.named(name), "sleep")
        now_ms = cast("int", self._invocation.engine.mapped("$Now()", {}))
        await self._replay.asked(plan, lambda: self._steps.sleep(plan, lambda: now_ms + int(ms)))

    async def signal(self, name: str, *, timeout: int | None = None) -> JsonValue:
        """Wait for a signal and return its data; raises `StepFailed` after `timeout` ms."""
        if timeout is not None and not 0 <= timeout <= SPAN_MAX_MS:
            raise invalid("timeout", f"milliseconds, 0 to {SPAN_MAX_MS}", str(timeout))
        plan = Plan(self._replay.named(f"signal {name}"), "wait")
        step = await self._replay.asked(plan, lambda: self._steps.wait(plan, name, timeout))
        return step.result

    async def _of_kind(
        self, kind: str, event: str, given: JsonObject | None, how: dict[str, object]
    ) -> JsonValue:
        return await self.event(event, given, kind=kind, **how)  # pyright: ignore[reportArgumentType] (as `event` takes it)

    async def _done(self, plan: Plan, work: Work, undo: Function | None) -> JsonValue:
        step = await self._replay.asked(plan, lambda: self._steps.run(plan, work))
        if undo is not None and step.state == "completed":
            self._replay.undoes(step, self._undoing(step, undo))
        return step.result

    async def _called(
        self, plan: Plan, call: Call, timeout_ms: int | None, undo: Function | None
    ) -> JsonValue:
        """Run an event; what ran a feature undoes itself, unless it has finished and `undo` does.

        So it is also with one that was left where it was, by this attempt or an earlier one.
        """
        self._unwinds(plan, call)
        try:
            step = await self._replay.asked(plan, lambda: self._run(plan, call, timeout_ms))
        finally:
            self._unwinds(plan, call)
        if undo is not None and step.state == "completed":
            self._replay.undoes(step, self._undoing(step, undo))
        return step.result

    async def _run(self, plan: Plan, call: Call, timeout_ms: int | None) -> Step:
        """Run an event; of a feature the time bounds all that holds it too."""
        engine = self._invocation.engine
        kind = call.kind or await engine.kind_of(call)
        if kind is JobEventTypes.FEATURE:
            plan = replace(plan, lasts_ms=timeout_ms)
        else:
            call = replace(call, timeout_ms=timeout_ms or self._steps.timeout_ms)

        async def work() -> JsonValue:
            return await engine.invoke(replace(call, tries_left=self._steps.tries_left(plan)))

        return await self._steps.run(plan, work)

    def _unwinds(self, plan: Plan, call: Call) -> None:
        """Remember that what a step has run undoes itself, where there is any of it."""

        async def unwind() -> JsonValue:
            undoes = replace(call, timeout_ms=None, undoes=True)
            try:
                return await self._invocation.engine.invoke(undoes)
            except Unwound:
                return None

        left = self._steps.find(plan.path)
        if left is not None and self._steps.leaves(plan.path):
            self._replay.undoes(left, unwind)

    def _undoing(self, step: Step, undo: Function) -> Work:
        async def work() -> JsonValue:
            return json_result(await self._within(None, undo, step.result))

        return work

    async def _within(self, timeout_ms: int | None, function: Function, *args: object) -> object:
        """Call a function for no longer than its time; a sync one as it is, on the event loop."""
        most_ms = timeout_ms or self._steps.timeout_ms
        patience = asyncio.timeout(most_ms / 1000)
        try:
            async with patience:
                with CONTAINED:
                    answer = function(*args)
                    if isawaitable(answer):
                        return await cast("Awaitable[object]", answer)
                    return answer
        except TimeoutError as error:
            if not patience.expired():
                raise
            message = f"the step took longer than its time-out of {most_ms} ms"
            raise ProviderError("TIMEOUT", message) from error

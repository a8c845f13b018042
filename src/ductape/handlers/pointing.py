"""Executes a job that points at another event: runs it so often, so far apart (SPEC 9).

Each execution is remembered when it has ended, so that no attempt does one again that succeeded.
"""

import asyncio

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.definitions.pointing import PointingTarget
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.outcome import Failure
from ductape.ports.clock import Clock
from ductape.ports.handler import Handler, Invocation
from ductape.ports.invoke import Call, Engine
from ductape.ports.steps import Plan, StepFailed, Steps, Unwound, Work, unwind_if_told

EXECUTED = "executed"


class _Executed(Struct):
    """What has been done."""

    results: list[JsonValue]
    started_at_ms: int
    """When the last one began."""


class JobHandler:
    """`ports.handler.Handler` for the kind `job`."""

    def __init__(self, registered: Handler, clock: Clock) -> None:
        """Leave to `registered` what a Python handler does."""
        self._registered = registered
        self._clock = clock

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Return the event's result; of several executions, the list of their results.

        Raises what the event fails with: further attempts go on where this one ended.
        """
        if invocation.target.needs is not None:
            return await self._registered(invocation)
        target = msgspec.convert(invocation.target.definition, PointingTarget)
        executing = _Executing(target, invocation)
        await executing.unwind_if_told()
        done = _executed(invocation.engine)
        while len(done.results) < target.executions:
            if done.results:
                await self._until(done.started_at_ms + target.intervals_ms)
            done.started_at_ms = self._clock.now_ms()
            done.results.append(await executing.result(len(done.results) + 1))
            await _remember(invocation.engine, done)
        return done.results[0] if target.executions == 1 else [*done.results]

    async def _until(self, due_ms: int) -> None:
        while (early_ms := due_ms - self._clock.now_ms()) > 0:  # noqa: ASYNC110 (none signals)
            await asyncio.sleep(early_ms / 1000)


class _Executing:
    """The executions of one attempt; those that call a feature are steps of the run."""

    def __init__(self, target: PointingTarget, invocation: Invocation) -> None:
        self._target = target
        self._invocation = invocation
        self._steps = invocation.steps

    async def unwind_if_told(self) -> None:
        """Undo the execution under way where that is asked for; raises as the function does.

        Those that have ended stand for themselves, unless the job is undone as a part of a feature.
        """
        steps = self._steps
        if steps is not None:
            await unwind_if_told(steps, self._undoing, finished=steps.undoes)

    async def result(self, number: int) -> JsonValue:
        """Return what an execution gives; the job fails with it, and is undone with it."""
        call = self._call(f"execution.{number}")
        if self._steps is None:
            return await self._invocation.engine.invoke(call)
        plan = Plan(call.path, self._target.kind.value)
        try:
            return (await self._steps.run(plan, self._invoking(call))).result
        except StepFailed as failed:
            await self._end(self._steps, failed.failure)
            raise

    async def _end(self, steps: Steps, failure: Failure) -> None:
        if not steps.is_last(failure):
            await steps.again()
            return
        await steps.unwind(failure)
        await self.unwind_if_told()

    def _call(self, path: str) -> Call:
        target, given = self._target, self._invocation.input
        return Call(target.event, given, path, app=target.app, kind=target.kind)

    def _undoing(self, path: str) -> Work:
        return self._invoking(replace(self._call(path), undoes=True))

    def _invoking(self, call: Call) -> Work:
        async def work() -> JsonValue:
            try:
                return await self._invocation.engine.invoke(call)
            except Unwound:
                return None

        return work


def _executed(engine: Engine) -> _Executed:
    kept = engine.remembered(EXECUTED)
    return _Executed([], 0) if kept is None else msgspec.convert(kept, _Executed)


async def _remember(engine: Engine, done: _Executed) -> None:
    """Remember all results; where they take too much room, only that they were."""
    kept: JsonValue = {"results": [*done.results], "started_at_ms": done.started_at_ms}
    if await engine.remember(EXECUTED, kept):
        return
    nothing: list[JsonValue] = [None] * len(done.results)
    await engine.remember(EXECUTED, {"results": nothing, "started_at_ms": done.started_at_ms})

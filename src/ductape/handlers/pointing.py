"""Executes a job that points at another event: runs it so often, so far apart (SPEC 9).

Each execution is remembered when it has ended, so that no attempt does one again that succeeded.
"""

import asyncio

import msgspec
from msgspec import Struct

from ductape.domain.definitions.pointing import PointingTarget
from ductape.domain.jsonvalue import JsonValue
from ductape.ports.clock import Clock
from ductape.ports.handler import Handler, Invocation
from ductape.ports.invoke import Call, Engine

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
        done = _executed(invocation.engine)
        while len(done.results) < target.executions:
            if done.results:
                await self._until(done.started_at_ms + target.intervals_ms)
            done.started_at_ms = self._clock.now_ms()
            done.results.append(await _execute(target, invocation, len(done.results) + 1))
            await _remember(invocation.engine, done)
        return done.results[0] if target.executions == 1 else [*done.results]

    async def _until(self, due_ms: int) -> None:
        while (early_ms := due_ms - self._clock.now_ms()) > 0:  # noqa: ASYNC110 (none signals)
            await asyncio.sleep(early_ms / 1000)


async def _execute(target: PointingTarget, invocation: Invocation, number: int) -> JsonValue:
    call = Call(
        event=target.event,
        input=invocation.input,
        path=f"execution.{number}",
        app=target.app,
        kind=target.kind,
    )
    return await invocation.engine.invoke(call)


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

"""What a registered Python function sees of its run (SPEC 8).

An async function gets an `AsyncContext`. A sync one runs in a thread and gets a `ThreadContext`,
the same surface with blocking calls, which hand their work to the event loop.
"""

from asyncio import AbstractEventLoop, get_running_loop, run_coroutine_threadsafe
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field
from typing import Self

from ductape.domain.jsonvalue import JsonValue
from ductape.handlers.python.results import UNMEASURED_BYTES, json_result
from ductape.ports.handler import Context

_LONGEST_CALL_S = 30.0
"""How long a thread waits for the event loop; only a stopped one takes longer."""


@dataclass(frozen=True, slots=True)
class AsyncContext:
    """The run that an async function is executing."""

    job_id: str
    run: int
    """From 1."""
    attempt: int
    """From 1."""
    deadline: int
    """Epoch ms at which the attempt is cut off."""
    idempotency_key: str
    """The same for every attempt of the run."""
    _engine: Context = field(repr=False)

    @classmethod
    def of(cls, engine: Context) -> Self:
        """Wrap what the engine gives every handler."""
        return cls(
            job_id=engine.job_id,
            run=engine.run,
            attempt=engine.attempt,
            deadline=engine.deadline_ms,
            idempotency_key=engine.idempotency_key,
            _engine=engine,
        )

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked this run to stop."""
        return self._engine.cancelled

    @property
    def last_checkpoint(self) -> JsonValue:
        """What an earlier attempt of this run checkpointed; none if nothing."""
        return json_result(self._engine.last_checkpoint)

    async def checkpoint(self, value: JsonValue) -> None:
        """Store partial success at once, at most 64 KiB of JSON, for the next attempt."""
        await self._engine.checkpoint(_settled(value))

    async def progress(
        self, done: float, total: float | None = None, note: str | None = None
    ) -> None:
        """Show how far the work is."""
        await self._engine.progress(done, total, note)

    def heartbeat(self) -> Awaitable[None]:
        """Tell that the function is alive, without any figure; with `await` or without."""
        self._engine.heartbeat()
        told = get_running_loop().create_future()
        told.set_result(None)
        return told


@dataclass(frozen=True, slots=True)
class ThreadContext:
    """The run that a sync function is executing in its thread."""

    job_id: str
    run: int
    """From 1."""
    attempt: int
    """From 1."""
    deadline: int
    """Epoch ms at which the attempt is cut off."""
    idempotency_key: str
    """The same for every attempt of the run."""
    _engine: Context = field(repr=False)
    _loop: AbstractEventLoop = field(repr=False)

    @classmethod
    def of(cls, engine: Context, loop: AbstractEventLoop) -> Self:
        """Wrap what the engine gives every handler, for use off its event loop."""
        return cls(
            job_id=engine.job_id,
            run=engine.run,
            attempt=engine.attempt,
            deadline=engine.deadline_ms,
            idempotency_key=engine.idempotency_key,
            _engine=engine,
            _loop=loop,
        )

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked this run to stop: look at it now and then in long work."""
        return self._engine.cancelled

    @property
    def last_checkpoint(self) -> JsonValue:
        """What an earlier attempt of this run checkpointed; none if nothing."""
        return json_result(self._engine.last_checkpoint)

    def checkpoint(self, value: JsonValue) -> None:
        """Store partial success at once, at most 64 KiB of JSON, for the next attempt."""
        self._wait_for(self._engine.checkpoint(_settled(value)))

    def progress(self, done: float, total: float | None = None, note: str | None = None) -> None:
        """Show how far the work is."""
        self._wait_for(self._engine.progress(done, total, note))

    def heartbeat(self) -> None:
        """Tell that the function is alive, without any figure."""
        self._loop.call_soon_threadsafe(self._engine.heartbeat)

    def _wait_for(self, call: Coroutine[object, object, None]) -> None:
        run_coroutine_threadsafe(call, self._loop).result(_LONGEST_CALL_S)


def _settled(value: object) -> JsonValue:
    """Return a checkpoint as it is now: its function may go on filling the same list."""
    return json_result(value, most_bytes=UNMEASURED_BYTES, name="checkpoint")

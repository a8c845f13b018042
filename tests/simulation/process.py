"""One simulated operating system process: a Ductape with a worker, its tasks, and its death.

All of a process's tasks are known to it through a context variable, so that it can die at any
await, without a word: no settlement, no leave. Between a store's commit and what the process makes
of it lies a pause, so that deaths and other processes fall between the two.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextvars import copy_context
from dataclasses import replace
from random import Random
from typing import Any, Protocol

from ductape.app.configuration.settings import Settings, read_settings
from ductape.app.core import Surroundings
from ductape.app.ductape import Ductape
from ductape.errors import StoreError
from ductape.ports.stores import Store
from ductape.ports.stores.fleet import Pulse
from ductape.ports.wake import Hint
from ductape.stores.sqlite.settling import Decide
from ductape.worker.options import WorkerOptions
from tests.simulation.acting import PROCESS, Stage
from tests.simulation.grounds import Ground

SLIPS = (LookupError, AttributeError, TypeError, AssertionError)
"""What no step raises on purpose: a worker logs it and goes on, and the story may yet end well."""
PAUSES_S = (0, 0, 0, 0.001, 0.004, 0.03)


class World(Protocol):
    """What a process lives in."""

    ground: Ground
    chance: Random
    stage: Stage
    around: Surroundings
    faults: list[str]
    faulty: bool
    """Whether the disk fails now and then."""

    def committed(self) -> None:
        """Look at what was just committed."""

    def crash(self, process: "Process") -> None:
        """Let a process die of its own work, and another take its place."""

    def spread(self, teller: "Process", hint: Hint, jobs: Collection[str]) -> None:
        """Pass a hint on to the other processes."""


class Process:
    """A process that may freeze, lose its disk for a moment, stop, or die."""

    def __init__(self, world: World, options: WorkerOptions | None) -> None:
        """Begin without a task; without options it has no worker."""
        self.world = world
        self.options = options
        self.alive = True
        self.thawed = asyncio.Event()
        self.thawed.set()
        self.context = copy_context()
        self.context.run(PROCESS.set, self)
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._pulses: list[Pulse] = []
        self._told = False
        settings = read_settings(world.ground.settings, {})
        wish = options if options is not None else False
        clock = world.ground.clock(world.around.clock)
        around = replace(world.around, clock=clock, open_store=self._open_store)
        self.ductape = Ductape(settings, [world.stage.handlers()], wish, around)
        self._store: Store | None = None

    async def start(self) -> None:
        """Open the store and begin to work."""
        await self.run(self.ductape.__aenter__())

    async def run(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 (whatever it gives)
        """Do some work as this process."""
        return await self.spawn(work)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Begin some work as this process."""
        return asyncio.get_running_loop().create_task(work, context=self.context)

    def adopt(self, task: "asyncio.Task[Any]") -> None:
        """Count a task as this process's own."""
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def stop(self) -> None:
        """Stop gracefully."""
        await self.run(self.ductape.aclose())
        self.alive = False

    async def kill(self) -> None:
        """Die now: every task ends where it is, nothing more is written."""
        self.alive = False
        self.thawed.set()
        while self._tasks:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.sleep(0)
        for pulse in self._pulses:
            pulse.close()
        if self._store is not None:
            await self._store.aclose()

    def hear(self, hint: Hint, jobs: Collection[str]) -> None:
        """Take a hint from another process."""
        if not self.alive or not self.thawed.is_set() or self._store is None:
            return
        self._told = True
        try:
            self._store.wake.tell(hint, jobs)
        finally:
            self._told = False

    async def _open_store(self, settings: Settings, *, decide: Decide, token: str) -> Store:
        """Open the ground's store, and put the pauses, faults and looks around its steps."""
        store: Any = await self.world.ground.open(settings, decide=decide, token=token)
        engine = store._engine
        for step in ("write", "read", "single", "piped"):
            if hasattr(engine, step):
                setattr(engine, step, self._slow(getattr(engine, step)))
        pulse = store.fleet.pulse
        store.fleet.pulse = lambda: self._frail(pulse())
        store.wake.listen(self._tell_others)
        self._store = store
        return store

    def _tell_others(self, hint: Hint, jobs: Collection[str]) -> None:
        if not self._told:
            self.world.spread(self, hint, jobs)

    def _slow(self, step: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def slow(work: Any) -> Any:  # noqa: ANN401 (any step of the store)
            await self._pause()
            self._fail_perhaps(0.06)
            try:
                answer = await step(work)
            except SLIPS as error:
                self.world.faults.append(f"a step of the store raised {error!r}")
                raise
            self.world.committed()
            await self._pause()
            self._fail_perhaps(0.06)
            return answer

        return slow

    async def _pause(self) -> None:
        await asyncio.sleep(self.world.chance.choice(PAUSES_S))
        await self.thawed.wait()
        if not self.alive:
            raise StoreError("this process is dead")

    def _fail_perhaps(self, share: float) -> None:
        if self.world.faulty and self.options is not None and self.world.chance.random() < share:
            raise StoreError("the disk failed, as simulated")

    def _frail(self, pulse: Pulse) -> Pulse:
        self._pulses.append(pulse)
        return _Frail(self, pulse)


class _Frail:
    """A heartbeat that does not reach the store while its process is frozen."""

    def __init__(self, process: Process, pulse: Pulse) -> None:
        self._process = process
        self._pulse = pulse

    def beat(self, worker: str, *, now_ms: int, lease_ms: int) -> bool:
        if not self._process.thawed.is_set():
            return True
        return self._pulse.beat(worker, now_ms=now_ms, lease_ms=lease_ms)

    def close(self) -> None:
        self._pulse.close()

"""One seed's world: several processes on one store, told a story in virtual time."""

import asyncio
from collections.abc import Collection
from contextvars import Context
from random import Random
from typing import Any

from msgspec.structs import replace

from ductape.app.core import Surroundings
from ductape.errors import StoreError
from ductape.ports.wake import Hint
from ductape.testing import SeededEntropy, VirtualClock, VirtualLoop
from ductape.worker.options import WorkerOptions
from tests.simulation.acting import Stage
from tests.simulation.audit import LEASE_MS, Entry
from tests.simulation.grounds import Ground
from tests.simulation.people import People
from tests.simulation.process import Process
from tests.simulation.story import HORIZON_MS, Event, Mishap, Story
from tests.simulation.witness import Witness

OPTIONS = WorkerOptions(lease_ms=LEASE_MS, grace_ms=500, upkeep_ms=1_000)
QUIET_WITHIN_S = 900
MOST_FAULTS = 5
CRASH_PAUSE_S = 0.5
LAST_WORDS_S = 1
"""How long what was asked for at the end may take to be stored."""


class SimulatedWorld:
    """What the processes live in, and what happens to them."""

    def __init__(
        self, story: Story, loop: VirtualLoop, clock: VirtualClock, ground: Ground
    ) -> None:
        """Prepare a world; `play` lets it live."""
        self.story = story
        self.loop = loop
        self.clock = clock
        self.ground = ground
        self.chance = Random(story.seed + 1)  # noqa: S311 (repeatable on purpose)
        self.stage = Stage(clock.now_ms)
        self.around = Surroundings(clock=clock, entropy=SeededEntropy(story.seed), simulated=True)
        self.faulty = False
        self.faults: list[str] = []
        self.processes: list[Process] = []
        self.front = Process(self, None)
        self.people = People(self.front, clock)
        self.witness: Witness | None = None
        self.entries: list[Entry] = []
        self._background: list[asyncio.Task[None]] = []

    async def play(self) -> None:
        """Let the story happen, then time pass until nothing moves."""
        await self.front.start()
        self.witness = Witness(self.ground.view(), sure=not self.story.has("faults"))
        await self.people.begin()
        for _ in range(self.story.workers):
            await self._begin_process()
        began_s = self.loop.time()
        for at_ms, event in self.story.events:
            await asyncio.sleep(max(began_s + at_ms / 1000 - self.loop.time(), 0))
            await self._happen(event)
        await asyncio.sleep(max(began_s + HORIZON_MS / 1000 - self.loop.time(), 0))
        await self._come_to_rest()

    def committed(self) -> None:
        """Look at what was just committed."""
        if self.witness is not None:
            seen = self.witness.look(self.clock.now_ms(), self.loop.time())
            if len(self.faults) < MOST_FAULTS:
                self.faults += [f"at {self.loop.time():.3f} s: {said}" for said in seen]

    def spread(self, teller: Process, hint: Hint, jobs: Collection[str]) -> None:
        """Pass a hint on to the other processes; one in ten is lost."""
        for process in (self.front, *self.processes):
            if process is not teller and self.chance.random() < 0.9:
                self.loop.call_soon(process.hear, hint, jobs, context=process.context)

    def crash(self, process: Process) -> None:
        """Let a process die of its own work, and another take its place."""

        async def die() -> None:
            await process.kill()
            await asyncio.sleep(CRASH_PAUSE_S)
            await self._begin_process()

        # As nobody's task: its own would die with it.
        self._background.append(self.loop.create_task(die(), context=Context()))

    async def end(self) -> None:
        """End with every process."""
        for process in (self.front, *self.processes):
            await process.kill()

    def close(self) -> None:
        """Close the witness's connection."""
        if self.witness is not None:
            self.witness.close()

    async def _happen(self, event: Event) -> None:
        match event:
            case Mishap():
                await self._go_wrong(event)
            case deed:
                self.people.do(deed)

    async def _go_wrong(self, mishap: Mishap) -> None:
        living = [process for process in self.processes if process.alive]
        victim = living[int(mishap.which * len(living))] if living else None
        match mishap.what:
            case "kill" if victim is not None:
                await victim.kill()
                self._soon(mishap.span_ms, self._begin_process)
            case "freeze" if victim is not None:
                victim.thawed.clear()
                self.loop.call_later(mishap.span_ms / 1000, victim.thawed.set)
            case "restart" if victim is not None:
                self._background.append(self.loop.create_task(victim.stop()))
                self._soon(mishap.span_ms, self._begin_process)
            case "jump":
                self.clock.jump(-mishap.span_ms if mishap.which < 0.5 else mishap.span_ms)
            case "faults":
                self.faulty = True
                self.loop.call_later(mishap.span_ms / 1000, setattr, self, "faulty", False)
            case "prune":
                await self._prune()
            case "revoke":
                await self.people.revoke()
            case _:
                return

    async def _prune(self) -> None:
        old_ms = self.clock.now_ms() - 5_000
        prune = self.front.ductape.core.store.upkeep.prune(
            completed_before_ms=old_ms, failed_before_ms=old_ms, now_ms=old_ms, limit=20
        )
        await self.front.run(prune)

    def _soon(self, in_ms: int, begin: Any) -> None:  # noqa: ANN401 (makes a coroutine)
        async def later() -> None:
            await asyncio.sleep(in_ms / 1000)
            await begin()

        self._background.append(self.loop.create_task(later()))

    async def _begin_process(self) -> None:
        process = Process(self, replace(OPTIONS, concurrency=self.story.concurrency))
        try:
            await process.start()
        except StoreError:
            await process.kill()
            return
        self.processes.append(process)

    async def _come_to_rest(self) -> None:
        """Stop meddling; what is left of the work must come to its end by itself."""
        await asyncio.sleep(LAST_WORDS_S)
        await self._calm_down()
        await self._until_quiet()
        await asyncio.sleep(2)
        self.entries = [] if self.witness is None else self.witness.entries()
        self.faults += self.people.unexpected()
        for task in self._background:
            if task.done() and not task.cancelled() and task.exception() is not None:
                self.faults.append(f"the world got {task.exception()!r}")

    async def _calm_down(self) -> None:
        """Mend what is broken; where the story has it so, let a new process do the rest."""
        self.faulty = False
        for process in self.processes:
            process.thawed.set()
        await self.people.let_go()
        if self.story.fresh_end:
            for process in self.processes:
                if process.alive:
                    await process.kill()
        if not any(process.alive for process in self.processes):
            await self._begin_process()

    async def _until_quiet(self) -> None:
        until_s = self.loop.time() + QUIET_WITHIN_S
        while self.witness is not None and (waiting := self.witness.unquiet()):
            if self.loop.time() > until_s:
                self.faults += [f"never came to rest: {said}" for said in waiting]
                return
            await asyncio.sleep(0.5)

"""One seed's world: several processes on one store, told a story in virtual time."""

import asyncio
from collections.abc import Collection, Coroutine
from contextvars import Context
from dataclasses import dataclass
from random import Random
from typing import Any

from msgspec.structs import replace

from ductape.app.core import Surroundings
from ductape.errors import DuctapeError, JobCancelled, JobFailed, ResultTimeout, StoreError
from ductape.ports.wake import Hint
from ductape.testing import SeededEntropy, VirtualClock, VirtualLoop
from ductape.worker.options import WorkerOptions
from tests.simulation.acting import Stage
from tests.simulation.audit import LEASE_MS, Entry
from tests.simulation.grounds import Ground
from tests.simulation.process import Process
from tests.simulation.requests import QUEUES
from tests.simulation.story import HORIZON_MS, PRODUCT, Ask, Event, Meddle, Mishap, Steer, Story
from tests.simulation.witness import Witness

OPTIONS = WorkerOptions(lease_ms=LEASE_MS, grace_ms=500, upkeep_ms=1_000)
QUIET_WITHIN_S = 900
MOST_FAULTS = 5
CRASH_PAUSE_S = 0.5
LAST_WORDS_S = 1
"""How long what was asked for at the end may take to be stored."""


@dataclass
class Asked:
    """A request that was accepted."""

    ask: Ask
    receipt: dict[str, Any]


@dataclass
class Answer:
    """What a waiting caller was told."""

    job: str | None
    outcome: str
    result: object = None


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
        self.asked: list[Asked] = []
        self.answers: list[Answer] = []
        self.processes: list[Process] = []
        self.front = Process(self, None)
        self.witness: Witness | None = None
        self.entries: list[Entry] = []
        self._callers: list[asyncio.Task[None]] = []
        self._pair: dict[str, str] = {}

    async def play(self) -> None:
        """Let the story happen, then time pass until nothing moves."""
        await self.front.start()
        self.witness = Witness(self.ground.view(), sure=not self.story.has("faults"))
        ductape = self.front.ductape
        await self.front.run(ductape.products.apply(PRODUCT))
        where = {"product": "shop", "env": "dev", "tag": "user"}
        start = ductape.processor.sessions.start({**where, "data": {"id": "u1"}})
        self._pair = await self.front.run(start)
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
        self._callers.append(self.loop.create_task(die(), context=Context()))

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
            case Ask():
                self._call(self._ask(event))
            case Meddle():
                self._call(self._meddle(event))
            case Steer():
                self._call(self._steer(event))
            case Mishap():
                await self._go_wrong(event)

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        self._callers.append(self.front.spawn(work))

    async def _ask(self, ask: Ask) -> None:
        request = self._timely(dict(ask.request))
        if ask.session:
            request["session"] = {"tag": "user", "token": self._pair["token"]}
            request["input"] = {**dict(request["input"]), "user": "$Session{user}{id}"}
        try:
            job = self.front.ductape.processor.job
            if ask.copies > 1:
                receipts = await job.dispatch_many([request] * ask.copies)
            else:
                receipts = [await job.dispatch(request)]
        except StoreError:
            raise
        except DuctapeError as error:
            if error.code not in ("CONFLICT", "SESSION_INVALID", "VALIDATION_ERROR"):
                self.faults.append(f"a request was refused: {error}")
            return
        self.asked += [Asked(ask, dict(receipt)) for receipt in receipts]
        if ask.waits:
            await self._wait(receipts[-1]["job_id"], ask.leaves_after_ms)

    async def _wait(self, job_id: str, leaves_after_ms: int | None) -> None:
        waiting = self.front.ductape.processor.job.wait(job_id, timeout=300)
        try:
            async with asyncio.timeout(None if leaves_after_ms is None else leaves_after_ms / 1000):
                self.answers.append(Answer(job_id, "completed", await waiting))
        except TimeoutError:
            return
        except JobFailed as error:
            self.answers.append(Answer(error.job_id, "failed"))
        except JobCancelled as error:
            self.answers.append(Answer(error.job_id, "cancelled"))
        except ResultTimeout as error:
            self.answers.append(Answer(error.job_id, "timeout"))
        except DuctapeError as error:
            if error.code != "NOT_FOUND":
                raise

    def _timely(self, request: dict[str, Any]) -> dict[str, Any]:
        """Turn spans from now into instants."""
        now_ms = self.clock.now_ms()
        if "delay" in request:
            request["start_at"] = now_ms + request.pop("delay")
        if "expires_in" in request:
            request["expires_at"] = now_ms + request.pop("expires_in")
        repeat = dict(request.get("repeat", {}))
        if "ends_in" in repeat:
            repeat["endDate"] = max(now_ms, request["start_at"]) + repeat.pop("ends_in")
        if repeat:
            request["repeat"] = repeat
        return request

    async def _meddle(self, meddle: Meddle) -> None:
        if not self.asked:
            return
        job_id = self.asked[int(meddle.which * len(self.asked))].receipt["job_id"]
        jobs = self.front.ductape.jobs
        try:
            match meddle.verb:
                case "cancel_run":
                    await jobs.cancel(job_id, run_only=True)
                case verb:
                    await getattr(jobs, verb)(job_id)
        except DuctapeError as error:
            # One-off jobs know no pause, pruned ones nothing at all.
            if error.code not in ("VALIDATION_ERROR", "NOT_FOUND"):
                raise

    async def _steer(self, steer: Steer) -> None:
        queues = self.front.ductape.queues
        match steer.verb:
            case "concurrency":
                await queues.set_concurrency(steer.queue, steer.limit)
            case "rate":
                await queues.set_rate(steer.queue, steer.limit, steer.per_ms)
            case "pause":
                await queues.pause(steer.queue)
            case _:
                await queues.resume(steer.queue)

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
                self._callers.append(self.loop.create_task(victim.stop()))
                self._soon(mishap.span_ms, self._begin_process)
            case "jump":
                self.clock.jump(-mishap.span_ms if mishap.which < 0.5 else mishap.span_ms)
            case "faults":
                self.faulty = True
                self.loop.call_later(mishap.span_ms / 1000, setattr, self, "faulty", False)
            case "prune":
                await self._prune()
            case "revoke":
                where = {"product": "shop", "env": "dev", "tag": "user", **self._pair}
                where.pop("refreshToken")
                await self.front.run(self.front.ductape.processor.sessions.revoke(where))
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

        self._callers.append(self.loop.create_task(later()))

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
        self.faulty = False
        for process in self.processes:
            process.thawed.set()
        for queue in QUEUES:
            await self.front.run(self._steer(Steer("resume", queue)))
        if self.story.fresh_end:
            for process in self.processes:
                if process.alive:
                    await process.kill()
        if not any(process.alive for process in self.processes):
            await self._begin_process()
        until_s = self.loop.time() + QUIET_WITHIN_S
        while self.witness is not None and (waiting := self.witness.unquiet()):
            if self.loop.time() > until_s:
                self.faults += [f"never came to rest: {said}" for said in waiting]
                break
            await asyncio.sleep(0.5)
        await asyncio.sleep(2)
        self.entries = [] if self.witness is None else self.witness.entries()
        for caller in self._callers:
            if caller.done() and not caller.cancelled() and caller.exception() is not None:
                self.faults.append(f"a caller got {caller.exception()!r}")

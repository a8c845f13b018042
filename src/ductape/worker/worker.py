"""One worker: its slots, its lease, its stop.

Lane (turns) ── claims ──▶ Held + task (Running) ── outcome ──▶ Lane
Sweeper: one timer tells runs past their deadline to stop, and cuts off those that do not
Heartbeat: renews the lease; lost, every run is left to others and the worker registers anew
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable

from ductape.domain.change import RunRef
from ductape.domain.job import Claim, Run, attempt_ms
from ductape.domain.outcome import Outcome, Parked
from ductape.domain.standing import is_standing, losses_in_a_row
from ductape.errors import StoreError
from ductape.ports.stores.claims import Wish
from ductape.ports.wake import Hint
from ductape.worker.attempt.held import Held
from ductape.worker.attempt.sweeper import Sweeper
from ductape.worker.duties.tidying import keep_tidy
from ductape.worker.ending import to_its_end
from ductape.worker.lane import AHEAD_MS, Lane
from ductape.worker.options import WorkerOptions
from ductape.worker.parts import Heart, Parts
from ductape.worker.registering import register, register_at_last
from ductape.worker.stop_requests import StopRequests
from ductape.worker.turns import Ended

SETTLING_MS = 1_000
"""How long a run that was cut off may take to be settled before others take it for lost, and
at least how long a stop waits for a turn under way: what it claims would be left behind."""

FOR_ALL = ("ductape-upkeep", "ductape-clear", "ductape-tidy")
"""The tasks that do what any worker may."""

log = logging.getLogger("ductape.worker")


class Worker:
    """Claims and executes runs until it is stopped."""

    def __init__(self, parts: Parts, options: WorkerOptions, handlers: frozenset[str]) -> None:
        """Join the parts; `handlers` are the tags it has."""
        self._parts = parts
        self._store = parts.store
        self._running = parts.running
        self._clock = parts.clock
        self._options = options
        self._handlers = handlers
        self._held: dict[RunRef, Held] = {}
        self._lane = Lane(
            parts.store,
            parts.settler,
            parts.clock,
            self._wish,
            self._begin,
            self._holds,
            slots=options.concurrency,
        )
        self._lane.lease_lost = self._lease_lost
        self._sweeper = Sweeper(parts.clock, options.grace_ms, self._cut_off)
        self._stop_requests = StopRequests(parts.store.claims, self._stop_asked)
        self._tasks: list[asyncio.Task[None]] = []
        self._heart: Heart | None = None
        self._me = parts.identify()
        self._stopping = False
        self._renewing: asyncio.Task[None] | None = None
        self._ignore_hints: Callable[[], None] = lambda: None
        self.outlived: asyncio.Future[StoreError] = asyncio.get_running_loop().create_future()
        """Why it has ended by itself: a migration has made this program too old for the store."""

    @property
    def id(self) -> str:
        """The name under which it holds its lease."""
        return self._me.id

    async def start(self) -> None:
        """Register, and begin to work."""
        await register(self._store, self._clock, self._options, self._me)
        self._heart = self._parts.heart(self._lease_lost)
        self._heart.start(self._me.id)
        self._ignore_hints = self._hear()
        self._tasks = [
            asyncio.create_task(self._lane.serve(), name="ductape-lane"),
            asyncio.create_task(self._sweeper.serve(), name="ductape-sweep"),
            asyncio.create_task(self._stop_requests.serve(lambda: self.id), name="ductape-stops"),
        ]
        if self._options.claims:
            serve = self._keep_up()
            clear = self._parts.clearing.serve(self._me.id)
            tidy = keep_tidy(self._store, self._clock, self._me.id)
            for name, work in zip(FOR_ALL, (serve, clear, tidy), strict=True):
                self._tasks.append(asyncio.create_task(work, name=name))
        self._lane.nudge()

    async def _keep_up(self) -> None:
        await self._parts.upkeep.serve(self._me.id)
        self._lane.nudge()  # whose turn will hear that the store has outlived this program

    async def stop(self, *, grace_ms: int | None = None) -> None:
        """Stop claiming, let running runs end within the grace time, send the rest back.

        To cancel it cuts the grace time short; it ends all the same.
        """
        if self._stopping or not self._tasks:
            return
        self._stopping = True
        grace = self._options.grace_ms if grace_ms is None else grace_ms
        try:
            await self._until_landed(grace)
            self._interrupt(
                held for held in self._held.values() if is_standing(held.claim.run.spec)
            )
            await self._let_end(grace)
        finally:
            await to_its_end(self._give_back())

    def _interrupt(self, runs: Iterable[Held]) -> None:
        for held in list(runs):
            self._sweeper.stop(held, "interrupt")

    def begin(self, claim: Claim) -> Held:
        """Execute a run that was stored in this worker's hands (run at once)."""
        return self._begin(claim)

    def doubt(self, run: Run) -> None:
        """Begin a run to be run at once, should it turn out to be stored after all."""
        if run.worker is not None and run.started_at_ms is not None:
            self._lane.doubts.add(run.worker, run.started_at_ms, run.job_id)
            self._lane.nudge()

    def _begin(self, claim: Claim) -> Held:
        run = claim.run
        started = run.started_at_ms if run.started_at_ms is not None else self._clock.now_ms()
        held = Held(claim, deadline_ms=started + attempt_ms(run.spec))
        self._held[held.ref] = held
        held.task = asyncio.create_task(self._execute(held))
        self._sweeper.watch(held)
        return held

    async def _execute(self, held: Held) -> None:
        outcome = await self._running.execute(held)
        self._conclude(held, outcome)
        await held.until_all_have_ended()
        self._let_go(held)

    def _conclude(self, held: Held, outcome: Outcome | Parked | None) -> None:
        """Hand the outcome in, once; a run parked or left to others has none."""
        if held.settled:
            return
        held.settled = True
        if outcome is None or isinstance(outcome, Parked):
            self._lane.nudge()
            return
        entry = None if held.lead is None else held.lead.entry(self._clock.now_ms())
        self._lane.put(Ended(held.claim, outcome, entry))

    def _cut_off(self, held: Held) -> None:
        """Settle a run that did not stop in time; its slot stays taken until it does."""
        self._conclude(held, self._running.cut_off(held))

    def _let_go(self, held: Held) -> None:
        """Free the slot: the task is over, however its run was settled."""
        self._sweeper.forget(held)
        del self._held[held.ref]
        if held.cut_at_ms is not None or held.left:
            self._lane.nudge()

    def _wish(self) -> Wish:
        free = self._options.concurrency - len(self._held)
        serves = self._options.claims and not self._stopping and self._renewing is None
        return Wish(
            worker=self._me.id,
            queues=self._options.queues,
            handlers=self._handlers,
            slots=max(free, 0) if serves else 0,
            suspect=not any(losses_in_a_row(held.claim.run) for held in self._held.values()),
            ahead_ms=AHEAD_MS,
            lease_ms=self._options.lease_ms,
            grace_ms=self._options.grace_ms + SETTLING_MS,
        )

    def _holds(self, run: RunRef) -> bool:
        return run in self._held

    def _hear(self) -> Callable[[], None]:
        """Listen for hints, and for work that this process is about to store."""
        wake = self._store.wake
        ignore = wake.listen(self._on_hint)
        leave = wake.expect(self._lane.ask_along)

        def stop_hearing() -> None:
            ignore()
            leave()

        return stop_hearing

    def _on_hint(self, hint: Hint, jobs: Collection[str]) -> None:  # noqa: ARG002 (a listener)
        match hint:
            case "work":
                self._lane.nudge()
            case "control":
                if self._held:
                    self._stop_requests.hint()
            case "settled" | "products":
                return

    def _stop_asked(self, run: RunRef, reason: str | None) -> None:
        """Stop a run that somebody cancelled."""
        held = self._held.get(run)
        if held is not None:
            self._sweeper.stop(held, "cancel", reason=reason)

    def _lease_lost(self, worker: str) -> None:
        """Leave every run to whoever takes it over, and come back under a new name.

        What asked under an earlier name may hear of it late: that lease is given up already.
        """
        if worker != self._me.id or self._renewing is not None or self._stopping:
            return
        log.warning("worker %s lost its lease with %d runs", self._me.id, len(self._held))
        for held in self._held.values():
            self._sweeper.stop(held, "abandoned")
        self._renewing = asyncio.create_task(self._renew())
        self._tasks.append(self._renewing)

    async def _renew(self) -> None:
        fresh = self._parts.identify()
        try:
            await register_at_last(self._store, self._clock, self._options, fresh)
        except StoreError as error:
            await self._end(error)
            return
        self._me = fresh
        if self._heart is not None:
            self._heart.start(self._me.id)
        self._renewing = None
        self._lane.nudge()

    async def _end(self, error: StoreError) -> None:
        """Ask nothing of the store ever again; whoever has started this is told, and stops it."""
        log.error("worker %s ends: %s", self._me.id, error)
        self._lane.close()
        for task in self._tasks:
            if task.get_name() in FOR_ALL:
                task.cancel()
        if self._heart is not None:
            await self._heart.aclose()
        self.outlived.set_result(error)

    async def _until_landed(self, grace_ms: int) -> None:
        """Wait for the turns that may still claim: what they bring must not be left behind."""
        try:
            async with asyncio.timeout(max(grace_ms, SETTLING_MS) / 1000):
                await self._lane.landed()
        except TimeoutError:
            log.warning("worker %s stops although the store does not answer", self._me.id)

    async def _let_end(self, grace_ms: int) -> None:
        tasks = [held.task for held in self._held.values() if held.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_ms / 1000)

    async def _give_back(self) -> None:
        await self._until_landed(0)
        self._interrupt(self._held.values())
        await self._let_end(1_000)
        await self._close()

    async def _close(self) -> None:
        self._ignore_hints()
        self._interrupt(self._held.values())  # some may have begun meanwhile
        for held in list(self._held.values()):
            self._cut_off(held)
        self._lane.close()
        lane, *others = self._tasks
        await lane
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._heart is not None:
            await self._heart.aclose()
        if not self.outlived.done():
            await self._leave()

    async def _leave(self) -> None:
        try:
            await self._store.fleet.leave(self._me.id)
        except StoreError as error:
            # Its lease runs out by itself; the stop goes on.
            log.warning("worker %s cannot take its leave: %s", self._me.id, error)

"""Who uses the world's front process: they ask, wait, meddle with jobs and steer queues."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from ductape.errors import DuctapeError, JobCancelled, JobFailed, ResultTimeout, StoreError
from ductape.testing import VirtualClock
from tests.simulation.process import Process
from tests.simulation.requests import QUEUES
from tests.simulation.story import PRODUCT, Ask, Meddle, Steer


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


class People:
    """Everybody who calls, and what they were told."""

    def __init__(self, front: Process, clock: VirtualClock) -> None:
        """Call through a process that has no worker."""
        self.asked: list[Asked] = []
        self.answers: list[Answer] = []
        self.faults: list[str] = []
        self._front = front
        self._clock = clock
        self._calls: list[asyncio.Task[None]] = []
        self._pair: dict[str, str] = {}

    async def begin(self) -> None:
        """Apply the product and start the one session."""
        ductape = self._front.ductape
        await self._front.run(ductape.products.apply(PRODUCT))
        where = {"product": "shop", "env": "dev", "tag": "user"}
        start = ductape.processor.sessions.start({**where, "data": {"id": "u1"}})
        self._pair = await self._front.run(start)

    def do(self, deed: Ask | Meddle | Steer) -> None:
        """Let somebody do something, however long it takes."""
        match deed:
            case Ask():
                self._call(self._ask(deed))
            case Meddle():
                self._call(self._meddle(deed))
            case Steer():
                self._call(self._steer(deed))

    async def revoke(self) -> None:
        """Revoke the session."""
        where = {"product": "shop", "env": "dev", "tag": "user", "token": self._pair["token"]}
        await self._front.run(self._front.ductape.processor.sessions.revoke(where))

    async def let_go(self) -> None:
        """Resume every queue; other limits stay."""
        for queue in QUEUES:
            await self._front.run(self._steer(Steer("resume", queue)))

    def unexpected(self) -> Iterator[str]:
        """Yield what nobody should have been told."""
        yield from self.faults
        for call in self._calls:
            if call.done() and not call.cancelled() and call.exception() is not None:
                yield f"a caller got {call.exception()!r}"

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        self._calls.append(self._front.spawn(work))

    async def _ask(self, ask: Ask) -> None:
        request = self._timely(dict(ask.request))
        if ask.session:
            request["session"] = {"tag": "user", "token": self._pair["token"]}
            request["input"] = {**dict(request["input"]), "user": "$Session{user}{id}"}
        try:
            job = self._front.ductape.processor.job
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
        waiting = self._front.ductape.processor.job.wait(job_id, timeout=300)
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
        now_ms = self._clock.now_ms()
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
        jobs = self._front.ductape.jobs
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
        queues = self._front.ductape.queues
        match steer.verb:
            case "concurrency":
                await queues.set_concurrency(steer.queue, steer.limit)
            case "rate":
                await queues.set_rate(steer.queue, steer.limit, steer.per_ms)
            case "pause":
                await queues.pause(steer.queue)
            case _:
                await queues.resume(steer.queue)

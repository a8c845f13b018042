"""The dispatching process, `python -m torture.dispatcher SPEC`: says `ready`, asks and waits.

A request with a key is made again until there is a receipt: that leaves one job however often it
got through. One without is not: after an error nobody knows whether it was stored, and the ledger
says so. SIGTERM ends the asking; exit code 0 once everybody who waits for a result was told.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ductape import Ductape, JobFailed, ResultTimeout
from ductape.errors import StoreError
from torture.ledger import Asked, Ledger, Told, right_ns
from torture.load import Request, one_off, recurring
from torture.plan import KEY, Plan

ROUND_S = 0.1
AGAIN_S = 0.2
IN_A_BATCH = 0.5
"""How many rounds dispatch what has no key in one call."""
WAITED_FOR = 0.05
"""The share of the jobs whose result somebody waits for."""


class Spec(Struct, frozen=True):
    """What the dispatcher is told."""

    store: str
    folder: str
    """Where the ledgers are."""
    plan: Plan


class Dispatcher:
    """Asks for jobs until it is stopped."""

    def __init__(self, spec: Spec, ductape: Ductape) -> None:
        """Ask through an open Ductape."""
        self._plan = spec.plan
        self._job = ductape.processor.job
        self._ledger = Ledger(Path(spec.folder))
        self._draw = Random(f"load {spec.plan.seed}")  # noqa: S311 (repeatable on purpose)
        self._n = 0
        self._waiting: list[asyncio.Task[None]] = []

    async def serve(self, stop: asyncio.Event) -> None:
        """Ask, round after round, until stopped; then wait for those who wait."""
        await self._recurring()
        while not stop.is_set():
            await self._round()
            await asyncio.sleep(ROUND_S)
        await asyncio.gather(*self._waiting)

    async def _recurring(self) -> None:
        left_ms = self._plan.trouble_s * 1000
        for _ in range(self._plan.recurrences):
            await self._ask(*recurring(self._next(), self._draw, now_ms=_now(), left_ms=left_ms))

    async def _round(self) -> None:
        count = max(round(self._plan.jobs_a_second * ROUND_S), 1)
        asked = [one_off(self._next(), self._draw, now_ms=_now()) for _ in range(count)]
        if self._draw.random() < IN_A_BATCH:
            keyless = [one for one in asked if "key" not in one[0]]
            await self._ask_many(keyless)
            asked = [one for one in asked if "key" in one[0]]
        await asyncio.gather(*(self._ask(*one) for one in asked))

    async def _ask(self, request: Request, asked: Asked) -> None:
        while True:
            try:
                receipt = await self._job.dispatch(request)
            except StoreError as error:
                print(f"not sure: {error}", file=sys.stderr)
                if "key" in request:
                    await asyncio.sleep(AGAIN_S)
                    continue
                self._ledger.write(asked)
                return
            self._accepted(asked, receipt["job_id"])
            return

    async def _ask_many(self, many: Sequence[tuple[Request, Asked]]) -> None:
        try:
            receipts = await self._job.dispatch_many([request for request, _ in many])
        except StoreError as error:
            print(f"not sure: {error}", file=sys.stderr)
            for _, asked in many:
                self._ledger.write(asked)
            return
        for (_, asked), receipt in zip(many, receipts, strict=True):
            self._accepted(asked, receipt["job_id"])

    def _accepted(self, asked: Asked, job: str) -> None:
        self._ledger.write(replace(asked, job=job))
        if not asked.recurs and self._draw.random() < WAITED_FOR:
            self._waiting.append(asyncio.create_task(self._wait(job)))

    async def _wait(self, job: str) -> None:
        while True:
            try:
                result = await self._job.wait(job, timeout=2 * self._plan.longest_s)
            except StoreError as error:
                print(f"cannot wait: {error}", file=sys.stderr)
                await asyncio.sleep(AGAIN_S)
            except JobFailed as error:
                self._ledger.write(Told(job, None, str(error.error["code"])))
                return
            except ResultTimeout as error:
                self._ledger.write(Told(job, None, error.code))
                return
            else:
                self._ledger.write(Told(job, str(result), None))
                return

    def _next(self) -> int:
        self._n += 1
        return self._n


def _now() -> int:
    return right_ns() // 1_000_000


async def dispatch(spec: Spec) -> None:
    """Open the store and ask until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Ductape.open(spec.store, config={"key": KEY}, worker=False) as ductape:
        print("ready", flush=True)
        await Dispatcher(spec, ductape).serve(stop)


if __name__ == "__main__":
    asyncio.run(dispatch(msgspec.json.decode(sys.argv[1], type=Spec)))

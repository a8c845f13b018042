"""A worker process: `python -m torture.worker SPEC`. It says `ready` on its output, then works.

SIGTERM stops it gracefully, with exit code 0. Its clock may be put wrong. Every call of a handler
is in the ledger before it does anything else.
"""

import asyncio
import signal
import sys
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from ductape import Ductape, Handlers, WorkerOptions
from ductape.errors import StoreError
from ductape.handlers.python.context import AsyncContext, ThreadContext
from torture.ledger import Ledger, right_ns
from torture.plan import KEY

TRY_AGAIN_S = 0.2
"""A supervisor would start the process again after as long when the store is out of reach."""


class Spec(Struct, frozen=True):
    """What a worker is told."""

    store: str
    folder: str
    """Where the ledgers are."""
    wrong_ms: int
    """By how much its clock is ahead."""
    concurrency: int
    lease_ms: int
    grace_ms: int
    upkeep_ms: int


class Given(Struct, frozen=True):
    """A job's input."""

    n: int
    ms: int
    fails: int


class Planned(Exception):
    """A failure that was asked for; its message is the call's token."""


def handlers_of(ledger: Ledger) -> Handlers:
    """Make the handlers; each returns its call's token, or raises with it."""
    handlers = Handlers()

    @handlers.job("quick")
    @handlers.job("tick")
    async def quick(given: Given, ctx: AsyncContext) -> str:
        return end(begin(given, ctx))

    @handlers.job("slow")
    async def slow(given: Given, ctx: AsyncContext) -> str:
        token = begin(given, ctx)
        await asyncio.sleep(given.ms / 1000)
        return end(token)

    @handlers.job("flaky")
    async def flaky(given: Given, ctx: AsyncContext) -> str:
        return end(begin(given, ctx), raised=ctx.attempt <= given.fails)

    @handlers.job("doomed")
    async def doomed(given: Given, ctx: AsyncContext) -> str:
        return end(begin(given, ctx), raised=True)

    @handlers.job("blocking")
    def blocking(given: Given, ctx: ThreadContext) -> str:
        token = begin(given, ctx)
        time.sleep(given.ms / 15_000)
        return end(token)

    def begin(given: Given, ctx: AsyncContext | ThreadContext) -> str:
        return ledger.began(given.n, ctx.job_id, ctx.run, ctx.attempt)

    def end(token: str, *, raised: bool = False) -> str:
        ledger.ended(token, raised=raised)
        if raised:
            raise Planned(token)
        return token

    return handlers


def put_clock_wrong(ahead_ms: int) -> None:
    """Let everything in this process believe in a clock that is ahead."""
    time.time_ns = lambda: right_ns() + ahead_ms * 1_000_000
    time.time = lambda: time.time_ns() / 1e9


async def work(spec: Spec) -> None:
    """Work until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    options = WorkerOptions(
        concurrency=spec.concurrency,
        lease_ms=spec.lease_ms,
        grace_ms=spec.grace_ms,
        upkeep_ms=spec.upkeep_ms,
    )
    handlers = handlers_of(Ledger(Path(spec.folder)))
    ductape = Ductape.open(spec.store, config={"key": KEY}, handlers=handlers, worker=options)
    while not stop.is_set():
        try:
            await ductape.__aenter__()
        except StoreError as error:
            print(f"cannot open: {error}", file=sys.stderr)
            await ductape.aclose()
            await asyncio.sleep(TRY_AGAIN_S)
            continue
        print(f"ready {ductape.worker_id}", flush=True)
        await stop.wait()
        await ductape.aclose()


if __name__ == "__main__":
    told = msgspec.json.decode(sys.argv[1], type=Spec)
    put_clock_wrong(told.wrong_ms)
    asyncio.run(work(told))

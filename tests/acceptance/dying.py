"""A worker that dies where it would record: the world has said yes, and the store has not heard.

The worker works as any does, against whatever real servers its jobs name, until it would store an
outcome (`turn`) or its first or second checkpoint (`note`): there it kills itself with SIGKILL,
before a byte of that reaches the store.

This file, run as a program, has loaded all that a worker needs, and forks one for each line that it
reads: a fresh interpreter for each would take longer than all else in such a test.
"""

import asyncio
import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import IO, Literal, cast

from ductape import Ductape, Handlers, WorkerOptions
from ductape.domain.change import RunRef, Settlement
from ductape.domain.wire import JobView
from ductape.ports.handler import Context
from ductape.ports.stores.claims import Claims, Turn, Wish
from ductape.stores.postgres.claims import PostgresClaims
from ductape.stores.sqlite.claims import SqliteClaims
from tests.servers.http import Receiver

SHORT = WorkerOptions(lease_ms=600, grace_ms=200, upkeep_ms=100)

LOST_ONCE = ["lost", "completed"]

Where = Literal["turn", "note", "second note", "never"]


class LaterClock:
    """Runs ahead by more than a lease: who opens a file by it need not wait a dead worker's out.

    A store on a server goes by the server's clock, and waits.
    """

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + 2 * SHORT.lease_ms


HANDLERS = Handlers()


@HANDLERS.job("keep")
async def keep(given: dict[str, str], ctx: Context) -> None:
    """Write down what every attempt is told."""
    with Path(given["file"]).open("a") as file:  # noqa: ASYNC230 (a line)
        file.write(f"{ctx.idempotency_key} {ctx.last_checkpoint}\n")
    await ctx.checkpoint("done")


def a_job(event: str, given: dict[str, object], **parts: object) -> dict[str, object]:
    what = {"product_tag": "shop", "env": "dev", "event": event, "input": given}
    return {**what, "start_at": 0, **parts}


async def applied(store: str, **sections: object) -> str:
    """Give a store a product with these sections."""
    document = {"tag": "shop", "envs": [{"slug": "dev", "allow_private": True}], **sections}
    async with Ductape.open(store, config={}, worker=False) as ductape:
        await ductape.products.apply(document)
    return store


async def with_secrets(store: str, **secrets: str) -> None:
    """Give a store's product what `$Secret` names."""
    async with Ductape.open(store, config={}, worker=False) as ductape:
        for name, value in secrets.items():
            await ductape.secrets.set(name, value, product="shop")


async def nothing() -> None:
    """Look at nothing."""


async def after_a_death(
    store: str,
    request: dict[str, object],
    dies_at: Where = "turn",
    *,
    between: Callable[[], Awaitable[None]] = nothing,
) -> JobView:
    """Have a job's worker die there, let another one take the run over, and return the job.

    `between` looks at the world when the first is dead and the other has not come yet.
    """
    async with Ductape.open(store, config={}, worker=False) as ductape:
        receipt = await ductape.processor.job.dispatch(request)
    async with a_worker(store, dies_at) as process, asyncio.timeout(30):
        assert await process.wait() == -signal.SIGKILL
    await between()
    return await ended(store, receipt["job_id"])


async def ended(store: str, job_id: str) -> JobView:
    """Let another worker come, and wait for the job's end."""
    rescue = Ductape.open(store, config={}, handlers=HANDLERS, worker=SHORT, clock=LaterClock())
    async with rescue as ductape:
        async with asyncio.timeout(30):
            await ductape.processor.job.wait(job_id)
        return await ductape.jobs.get(job_id)


def tries(view: JobView) -> list[str]:
    """Return how each attempt of a job went."""
    return [one["status"] for one in view["attempts"]]


class Worker:
    """A worker in a process of its own, forked by the nursery."""

    def __init__(self, pid: int, said: IO[str]) -> None:
        self.pid = pid
        self._told = asyncio.ensure_future(asyncio.to_thread(said.readline))

    async def wait(self) -> int:
        """Return how it ended, as `subprocess` does: a signal is negative."""
        return os.waitstatus_to_exitcode(int(await asyncio.shield(self._told)))

    def kill(self) -> None:
        """End it by SIGKILL, unless it has ended."""
        if not self._told.done():
            os.kill(self.pid, signal.SIGKILL)


def keys_of(receiver: Receiver) -> list[str]:
    """Return the idempotency key of each request that arrived."""
    return [one.headers["idempotency-key"] for one in receiver.requests]


@asynccontextmanager
async def a_worker(store: str, dies_at: Where = "never") -> AsyncIterator[Worker]:
    """Run a worker in a process of its own, ended at the end whatever became of it."""
    asking, answers = _nursery()
    asking.write(json.dumps([store, dies_at, dict(os.environ)]) + "\n")
    asking.flush()
    worker = Worker(int(await asyncio.to_thread(answers.readline)), answers)
    try:
        yield worker
    finally:
        worker.kill()
        await worker.wait()


@cache
def _nursery() -> tuple[IO[str], IO[str]]:
    """Start the program that forks workers; it ends when nobody can ask it any longer."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.acceptance.dying"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    atexit.register(process.communicate)
    return cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)


def _dying(kind: type[SqliteClaims] | type[PostgresClaims], dies_at: Where) -> None:
    """Have a store's claims kill their process instead of storing."""
    taken = cast("Callable[..., Awaitable[Turn]]", kind.turn)
    noted = cast("Callable[..., Awaitable[bool]]", kind.note)

    async def turn(self: Claims, wish: Wish, ended: Sequence[Settlement], *, now_ms: int) -> Turn:
        if ended and dies_at == "turn":
            os.kill(os.getpid(), signal.SIGKILL)
        return await taken(self, wish, ended, now_ms=now_ms)

    notes = count(1)

    async def note(self: Claims, run: RunRef, **parts: object) -> bool:
        if dies_at == {1: "note", 2: "second note"}.get(next(notes)):
            os.kill(os.getpid(), signal.SIGKILL)
        return await noted(self, run, **parts)

    kind.turn, kind.note = turn, note


async def _serve(store: str, dies_at: Where) -> None:
    for kind in (SqliteClaims, PostgresClaims):
        _dying(kind, dies_at)
    async with Ductape.open(store, config={}, handlers=HANDLERS, worker=SHORT):
        await asyncio.Event().wait()


def _fork_for_each_line() -> None:
    """Fork a worker for each line; answer with its process id, and with how it ended."""
    for line in sys.stdin:
        store, dies_at, environment = json.loads(line)
        assert threading.active_count() == 1, "a fork would leave threads behind"
        if (pid := os.fork()) == 0:
            os.environ.update(environment)
            asyncio.run(_serve(store, dies_at))
        for told in (lambda: pid, lambda: os.waitpid(pid, 0)[1]):
            sys.stdout.write(f"{told()}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _fork_for_each_line()

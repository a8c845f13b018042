"""A worker that dies where it would record: the world has said yes, and the store has not heard.

The worker is this file, run as a program. It works as any does, against whatever real servers its
jobs name, until it would store an outcome (`turn`) or a checkpoint (`note`): there it kills itself
with SIGKILL, before a byte of that reaches the store.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, cast

from ductape import Ductape, WorkerOptions
from ductape.domain.change import RunRef, Settlement
from ductape.domain.wire import JobView
from ductape.ports.stores.claims import Claims, Turn, Wish
from ductape.stores.postgres.claims import PostgresClaims
from ductape.stores.sqlite.claims import SqliteClaims

SHORT = WorkerOptions(lease_ms=600, grace_ms=200, upkeep_ms=100)

LOST_ONCE = ["lost", "completed"]

Where = Literal["turn", "note", "never"]


def a_job(event: str, given: dict[str, object], **parts: object) -> dict[str, object]:
    what = {"product_tag": "shop", "env": "dev", "event": event, "input": given}
    return {**what, "start_at": 0, **parts}


async def applied(store: str, **sections: object) -> str:
    """Give a store a product with these sections."""
    document = {"tag": "shop", "envs": [{"slug": "dev", "allow_private": True}], **sections}
    async with Ductape.open(store, config={}, worker=False) as ductape:
        await ductape.products.apply(document)
    return store


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
    async with Ductape.open(store, config={}, worker=SHORT) as ductape:
        async with asyncio.timeout(30):
            await ductape.processor.job.wait(job_id)
        return await ductape.jobs.get(job_id)


def tries(view: JobView) -> list[str]:
    """Return how each attempt of a job went."""
    return [one["status"] for one in view["attempts"]]


@asynccontextmanager
async def a_worker(store: str, dies_at: Where = "never") -> AsyncIterator[Process]:
    """Run a worker in a process of its own, ended at the end whatever became of it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.acceptance.dying", store, dies_at),
        stdout=PIPE,
        cwd=Path(__file__).parents[2],
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _dying(kind: type[SqliteClaims] | type[PostgresClaims], dies_at: Where) -> None:
    """Have a store's claims kill their process instead of storing."""
    taken = cast("Callable[..., Awaitable[Turn]]", kind.turn)
    noted = cast("Callable[..., Awaitable[bool]]", kind.note)

    async def turn(self: Claims, wish: Wish, ended: Sequence[Settlement], *, now_ms: int) -> Turn:
        if ended and dies_at == "turn":
            os.kill(os.getpid(), signal.SIGKILL)
        return await taken(self, wish, ended, now_ms=now_ms)

    async def note(self: Claims, run: RunRef, **parts: object) -> bool:
        if dies_at == "note":
            os.kill(os.getpid(), signal.SIGKILL)
        return await noted(self, run, **parts)

    kind.turn, kind.note = turn, note


async def _serve(store: str, dies_at: Where) -> None:
    for kind in (SqliteClaims, PostgresClaims):
        _dying(kind, dies_at)
    async with Ductape.open(store, config={}, worker=SHORT):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], cast("Where", sys.argv[2])))

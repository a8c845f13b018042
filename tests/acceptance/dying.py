"""A worker that dies where it would record: the world has said yes, and the store has not heard.

The worker works as any does, against whatever real servers its jobs name, until it would store an
outcome (`turn`) or its first or second checkpoint (`note`): there it kills itself with SIGKILL,
before a byte of that reaches the store.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Literal, cast

from ductape import Ductape, Handlers
from ductape.domain.change import RunRef, Settlement
from ductape.domain.wire import JobView
from ductape.ports.handler import Context
from ductape.ports.stores.claims import Claims, Turn, Wish
from ductape.stores.postgres.turns.claims import PostgresClaims
from ductape.stores.sqlite.turns.claims import SqliteClaims
from tests.nursery import RESCUE, SHORT, Forked, LaterClock, forked
from tests.servers.http import Receiver

LOST_ONCE = ["lost", "completed"]

Where = Literal["turn", "note", "second note", "never"]


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
    rescue = Ductape.open(store, config={}, handlers=HANDLERS, worker=RESCUE, clock=LaterClock())
    async with rescue as ductape:
        async with asyncio.timeout(30):
            await ductape.processor.job.wait(job_id)
        return await ductape.jobs.get(job_id)


def tries(view: JobView) -> list[str]:
    """Return how each attempt of a job went."""
    return [one["status"] for one in view["attempts"]]


def keys_of(receiver: Receiver) -> list[str]:
    """Return the idempotency key of each request that arrived."""
    return [one.headers["idempotency-key"] for one in receiver.requests]


@asynccontextmanager
async def a_worker(store: str, dies_at: Where = "never") -> AsyncIterator[Forked]:
    """Run a worker in a process of its own, ended at the end whatever became of it."""
    async with forked(serve, store, dies_at) as worker:
        yield worker


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


async def serve(store: str, dies_at: Where) -> None:
    """Work, in a process of its own, and die there."""
    for kind in (SqliteClaims, PostgresClaims):
        _dying(kind, dies_at)
    async with Ductape.open(store, config={}, handlers=HANDLERS, worker=SHORT):
        await asyncio.Event().wait()

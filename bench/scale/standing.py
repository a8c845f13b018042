"""What costs by the worker and not by the job: an idle process, its connections, its hints.

Everything is for a second, processor time in microseconds. Of the server only those processes are
watched that serve the worker, or listen: what it does for itself meanwhile is nobody's.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg

from bench.figures import JOB, PRODUCT
from bench.grounds import SETTINGS
from bench.scale.costs import Standing
from bench.scale.meter import ran_s
from bench.scale.relay import counted
from bench.server import BenchServer
from ductape import Ductape, Handlers

FLUSHED_S = 11.0
"""An idle connection tells the statistics what it did after ten seconds."""
LISTENERS = 40
HINTS_A_SECOND = 20
"""How many are told for each second that the idle worker is watched."""
APART_S = 0.01
SERVING = """
SELECT pid FROM pg_stat_activity
WHERE datname = %s AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


async def standing(server: BenchServer, *, watched_s: float) -> Standing:
    """Watch an idle worker, count its round trips, and let hints be handed out."""
    async with counted(await server.fresh("idle")) as (url, trips), _worker(url) as ductape:
        await asyncio.sleep(min(FLUSHED_S, watched_s))
        idle = await _serving(server, "idle")
        asked, went = await server.transactions("idle"), trips.total
        start, own_s, served_s = time.perf_counter(), time.process_time(), _ran_s(idle)
        await asyncio.sleep(watched_s)
        wall_s = time.perf_counter() - start
        own_s, served_s = time.process_time() - own_s, _ran_s(idle) - served_s
        asked, went = await server.transactions("idle") - asked, trips.total - went
        for _ in range(10):
            await ductape.processor.job.dispatch_many([JOB] * 200)
        busy = await _serving(server, "idle")
    return Standing(
        client_us=own_s / wall_s * 1e6,
        server_us=served_s / wall_s * 1e6,
        transactions=asked / wall_s,
        round_trips=went / wall_s,
        connections=len(idle),
        busy_connections=max(len(idle), len(busy)),
        hint_us=await _hint_us(server, max(1, round(HINTS_A_SECOND * watched_s))),
    )


@asynccontextmanager
async def _worker(url: str) -> AsyncGenerator[Ductape]:
    handlers = Handlers()

    @handlers.job("noop")
    async def noop(_: dict[str, object]) -> None:
        """Do nothing."""

    async with Ductape.open(url, config=SETTINGS, handlers=handlers, worker=True) as ductape:
        await ductape.products.apply(PRODUCT)
        yield ductape


async def _serving(server: BenchServer, name: str) -> list[int]:
    """List the server's processes that serve connections to a database."""
    async with await psycopg.AsyncConnection.connect(server.server.url) as connection:
        cursor = await connection.execute(SERVING, (name,))
        return [int(row[0]) for row in await cursor.fetchall()]


def _ran_s(pids: Iterable[int]) -> float:
    return sum(ran_s(pid) for pid in pids)


async def _hint_us(server: BenchServer, hints: int) -> float:
    """Tell something now and then to many listeners; what each of them costs each time."""
    url = await server.fresh("hints")
    async with AsyncExitStack() as stack:
        teller = await stack.enter_async_context(await _connect(url))
        pids: list[int] = []
        for _ in range(LISTENERS):
            listener = await stack.enter_async_context(await _connect(url))
            await listener.execute("LISTEN hint")
            pids.append(listener.info.backend_pid)
            stack.callback(asyncio.create_task(_hear(listener)).cancel)
        before = _ran_s(pids)
        for _ in range(hints):
            await teller.execute("SELECT pg_notify('hint', 'there is work')")
            await asyncio.sleep(APART_S)
        return (_ran_s(pids) - before) / (hints * LISTENERS) * 1e6


async def _hear(listener: psycopg.AsyncConnection) -> None:
    async for _ in listener.notifies():
        pass


async def _connect(url: str) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(url, autocommit=True)

"""What costs by the worker and not by the job: an idle process, its connections, its hints.

Everything is for a second, processor time in microseconds.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg

from bench.figures import JOB, PRODUCT
from bench.grounds import SETTINGS
from bench.scale.costs import Standing
from bench.scale.meter import Meter
from bench.scale.relay import counted
from bench.server import BenchServer
from ductape import Ductape, Handlers

FLUSHED_S = 11.0
"""An idle connection tells the statistics what it did after ten seconds."""
LISTENERS = 40
HINTS = 200
APART_S = 0.01
CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = %s AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


async def standing(server: BenchServer, meter: Meter, *, watched_s: float) -> Standing:
    """Watch an idle worker, count its round trips, and let hints be handed out."""
    quiet_s = min(FLUSHED_S, watched_s)
    async with counted(await server.fresh("idle")) as (url, trips), _worker(url) as ductape:
        await asyncio.sleep(quiet_s)
        connections = await _connections(server, "idle")
        asked, before, went = await server.transactions("idle"), meter.read(), trips.total
        await asyncio.sleep(watched_s)
        spent, round_trips = meter.read().since(before), trips.total - went
        transactions = await server.transactions("idle") - asked
        for _ in range(10):
            await ductape.processor.job.dispatch_many([JOB] * 200)
        busy = await _connections(server, "idle")
    return Standing(
        client_us=spent.client_s / spent.wall_s * 1e6,
        server_us=spent.server_s / spent.wall_s * 1e6,
        transactions=transactions / spent.wall_s,
        round_trips=round_trips / spent.wall_s,
        connections=connections,
        busy_connections=max(connections, busy),
        hint_us=await _hint_us(server, meter),
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


async def _connections(server: BenchServer, name: str) -> int:
    async with await psycopg.AsyncConnection.connect(server.server.url) as connection:
        row = await (await connection.execute(CONNECTIONS, (name,))).fetchone()
    assert row is not None
    return int(row[0])


async def _hint_us(server: BenchServer, meter: Meter) -> float:
    """Tell something now and then to many listeners, and to none; what each of them costs."""
    url = await server.fresh("hints")
    async with AsyncExitStack() as stack:
        teller = await stack.enter_async_context(await _connect(url))
        alone = await _told(teller, meter)
        for _ in range(LISTENERS):
            listener = await stack.enter_async_context(await _connect(url))
            await listener.execute("LISTEN hint")
            stack.callback(asyncio.create_task(_hear(listener)).cancel)
        among = await _told(teller, meter)
    return (among - alone) / (HINTS * LISTENERS) * 1e6


async def _told(teller: psycopg.AsyncConnection, meter: Meter) -> float:
    before = meter.read()
    for _ in range(HINTS):
        await teller.execute("SELECT pg_notify('hint', 'there is work')")
        await asyncio.sleep(APART_S)
    return meter.read().since(before).server_s


async def _hear(listener: psycopg.AsyncConnection) -> None:
    async for _ in listener.notifies():
        pass


async def _connect(url: str) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(url, autocommit=True)

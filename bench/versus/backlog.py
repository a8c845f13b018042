"""What a past and a future cost: a drain beside many finished and not yet due rows, and without.

The future is stored by the peer itself. The past is written by cloning: one job is run for real,
and the row that it left is copied, so that nobody waits for 200,000 drains.
"""

import asyncio
import statistics
from collections.abc import AsyncGenerator

import psycopg
from psycopg.sql import SQL, Composable, Identifier

from bench.versus.figures import Sample, Visit, drain, loaded, share_of
from bench.versus.roster import Finished

FINISHED_WITHIN_S = 30
LOOK_S = 0.1

COLUMNS = """
SELECT attname, attidentity <> '' OR attgenerated <> '' FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


async def beside_a_backlog(visit: Visit, wanted: set[str]) -> AsyncGenerator[Sample]:
    """Drain beside a backlog and without: pairs by turns, the median share in per cent."""
    if "backlog" not in wanted or not visit.once:
        return
    count = min(visit.scale.beside, share_of(visit))
    plain = await visit.place.fresh(f"{visit.peer.name}_plain")
    full = await visit.place.fresh(f"{visit.peer.name}_full")
    await _fill(visit, full)
    shares: list[float] = []
    for _ in range(visit.scale.pairs):
        without, beside = [await _drained(visit, url, count) for url in (plain, full)]
        shares.append(beside / without * 100)
    note = "" if visit.peer.finished else "future rows only: it keeps no finished ones"
    yield Sample("backlog", statistics.median(shares), note)


async def _drained(visit: Visit, url: str, count: int) -> float:
    await visit.client.ask("open", url=url)
    async with loaded(visit, url, 1, count) as workers:
        rate = (await drain(workers, count, visit.scale, "backlog")).value
    await visit.client.ask("close")
    return rate


async def _fill(visit: Visit, url: str) -> None:
    """Give a database a past and a future."""
    await visit.client.ask("open", url=url)
    await visit.client.ask("bulk", count=1)
    async with visit.workers(url, 1) as workers:
        workers[0].send("go")
        await workers[0].until(lambda seen: bool(seen.get("handled")), FINISHED_WITHIN_S)
        if visit.peer.finished is not None:
            await _finished(visit.peer.finished, url)
    await visit.client.ask("future", count=visit.scale.backlog)
    await visit.client.ask("close")
    if visit.peer.finished is not None:
        await _clone(visit.peer.finished, url, visit.scale.backlog)


async def _finished(kept: Finished, url: str) -> None:
    """Wait until the first job's end is recorded."""
    query = SQL("SELECT 1 FROM {} {} LIMIT 1").format(_table(kept), SQL(kept.where))
    async with asyncio.timeout(FINISHED_WITHIN_S), await _connect(url) as connection:
        while not await (await connection.execute(query)).fetchone():
            await asyncio.sleep(LOOK_S)


async def _clone(kept: Finished, url: str, count: int) -> None:
    async with await _connect(url) as connection:
        columns = await (await connection.execute(COLUMNS, (kept.table,))).fetchall()
        taken = [name for name, made in columns if not made and kept.made.get(name) != ""]
        values = [SQL(kept.made[name]) if name in kept.made else Identifier(name) for name in taken]
        query = SQL(
            "INSERT INTO {table} ({columns}) SELECT {values}"
            " FROM (SELECT * FROM {table} {where} LIMIT 1) one, generate_series(1, {count}) n"
        ).format(
            table=_table(kept),
            columns=SQL(", ").join(Identifier(name) for name in taken),
            values=SQL(", ").join(values),
            where=SQL(kept.where),
            count=count,
        )
        await connection.execute(query)
        await connection.execute("VACUUM ANALYZE")


def _table(kept: Finished) -> Composable:
    return Identifier(*kept.table.split("."))


async def _connect(url: str) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(url, autocommit=True)

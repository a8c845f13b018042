"""A shop whose process only stores, and a table of its own beside the store's: for transactions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ductape import Ductape, Handlers

PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}
JOB = {"product_tag": "shop", "env": "dev", "event": "ship", "input": {"n": 1}, "start_at": 0}

handlers = Handlers()


@handlers.job("ship")
def ship(given: dict[str, int]) -> int:
    return given["n"]


@asynccontextmanager
async def shop(store: str) -> AsyncIterator[Ductape]:
    """Open a store, the product applied and the table made."""
    async with Ductape.open(store, handlers=handlers, worker=False) as opened:
        await opened.products.apply(PRODUCT)
        async with opened.transaction() as tx:
            await tx.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
        yield opened


async def ordered(ductape: Ductape) -> list[int]:
    """Return the orders that are there for others to see."""
    async with ductape.transaction() as tx:
        return [row[0] for row in await tx.execute("SELECT id FROM orders ORDER BY id")]


async def stored(ductape: Ductape) -> set[str]:
    """Return the ids of the jobs that are there."""
    return {job["id"] for job in await ductape.jobs.list()}

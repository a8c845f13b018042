"""Which of several stores a thing is in: by its product, or, where only a job is known, by asking.

Where a job was found is remembered, for the latest 10,000 jobs. A store that does not answer hides
no job that is in another one.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeVar

from ductape.domain.record import JobRecord
from ductape.errors import StoreError
from ductape.ports.stores import Store

T = TypeVar("T")

MOST_REMEMBERED = 10_000


class Places:
    """The stores, and the routes to them."""

    def __init__(self, stores: Mapping[str, Store], routes: Mapping[str, str]) -> None:
        """Take the stores by name, the default one first, and the store's name of each product."""
        self.default = next(iter(stores.values()))
        self.all = tuple(stores.values())
        self._stores = stores
        self._routes = routes
        self._found: OrderedDict[str, Store] = OrderedDict()

    def of_product(self, product: str) -> Store:
        """Return the store of a product; one without a route is in the default store."""
        name = self._routes.get(product)
        return self.default if name is None else self._stores[name]

    async def of_job(self, job_id: str) -> Store:
        """Return the store that has a job; for a job that is nowhere, the default store."""
        known = self._found.get(job_id)
        if known is not None:
            return known
        store, _ = await self._search(job_id)
        return store

    def of_jobs(self, jobs: Collection[str]) -> Collection[Store]:
        """Return the stores of jobs, as far as can be told without asking; else all."""
        found = {job_id: self._found.get(job_id) for job_id in jobs}
        known = [store for store in self.all if store in found.values()]
        return self.all if not found or None in found.values() else known

    async def record(self, job_id: str) -> JobRecord | None:
        """Return a job from the store that has it."""
        known = self._found.get(job_id)
        found = None if known is None else await known.reading.get(job_id)
        return found or (await self._search(job_id))[1]

    def remember(self, job_id: str, store: Store) -> None:
        """Note where a job is."""
        self._found[job_id] = store
        self._found.move_to_end(job_id)
        if len(self._found) > MOST_REMEMBERED:
            self._found.popitem(last=False)

    async def from_all(self, ask: Callable[[Store], Awaitable[T]]) -> list[T]:
        """Ask every store at once; raises the error of one that does not answer."""
        return await asyncio.gather(*(ask(store) for store in self.all))

    async def _search(self, job_id: str) -> tuple[Store, JobRecord | None]:
        """Ask all at once; the first that has the job ends the asking."""
        self._found.pop(job_id, None)
        asked = [asyncio.create_task(_asked(store, job_id)) for store in self.all]
        failed: StoreError | None = None
        try:
            for answering in asyncio.as_completed(asked):
                try:
                    store, record = await answering
                except StoreError as error:
                    failed = error
                    continue
                if record is not None:
                    self.remember(job_id, store)
                    return store, record
        finally:
            await _given_up(asked)
        if failed is not None:
            raise failed
        return self.default, None


async def _asked(store: Store, job_id: str) -> tuple[Store, JobRecord | None]:
    return store, await store.reading.get(job_id)


async def _given_up(tasks: Sequence[asyncio.Task[tuple[Store, JobRecord | None]]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def of_one_store(what: str) -> StoreError:
    """Make the error of what has a meaning in a single store only."""
    return StoreError(
        f"{what} belongs to one store, and several are open",
        hint="open that store alone: `--store URL`, or `Ductape.open(URL)`",
    )

"""Jobs in several stores: stored by product, found by asking, listed together newest first.

Ids sort by the instant at which they were made, whichever store a job is in, so that pages of
several stores merge and the last id of a page is the cursor for all of them.
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import merge
from itertools import islice

from ductape.domain.change import RunRef, SettleAnswer, Settlement
from ductape.domain.identity import KeyHolder
from ductape.domain.job import Claim, Finished, JobSpec, Progress, Run
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.record import JobRecord
from ductape.errors import invalid
from ductape.ports.stores import Store
from ductape.ports.stores.claims import Turn, Wish
from ductape.ports.stores.intake import Added, NewJob
from ductape.ports.stores.reading import EnvAndKey, JobFilter, Keyed
from ductape.stores.routed.places import Places, of_one_store


class RoutedIntake:
    """Where jobs come in."""

    def __init__(self, places: Places) -> None:
        """Store by product."""
        self._places = places

    async def holder(
        self, product: str, env: str, key: str, *, transaction: object = None
    ) -> KeyHolder | None:
        """Tell which job has a key."""
        intake = self._places.of_product(product).intake
        return await intake.holder(product, env, key, transaction=transaction)

    async def add(
        self, jobs: Sequence[NewJob], *, now_ms: int, transaction: object = None
    ) -> list[Added]:
        """Store all or none; raises `ValidationError` where they would go into several stores."""
        store = self._one_store(jobs)
        answers = await store.intake.add(jobs, now_ms=now_ms, transaction=transaction)
        for answer in answers:
            self._places.remember(answer.job_id, store)
        return answers

    async def add_stream(
        self, product: str, jobs: Callable[[], Iterable[NewJob]], *, now_ms: int
    ) -> bool:
        """Store new jobs of one product as they are made, all or none."""
        return await self._places.of_product(product).intake.add_stream(
            product, jobs, now_ms=now_ms
        )

    def _one_store(self, jobs: Sequence[NewJob]) -> Store:
        products = sorted({job.spec.product for job in jobs})
        stores = [self._places.of_product(product) for product in products]
        if any(store is not stores[0] for store in stores):
            named = ", ".join(f"`{product}`" for product in products)
            raise invalid(
                "product_tag",
                "products of one store, since a batch is one transaction",
                named,
                hint="dispatch the jobs of each store by themselves",
            )
        return stores[0] if stores else self._places.default


class RoutedReading:
    """Where jobs are looked at."""

    def __init__(self, places: Places) -> None:
        """Ask the store that has the job."""
        self._places = places

    async def get(self, job_id: str, *, transaction: object = None) -> JobRecord | None:
        """Return one job."""
        if transaction is None:
            return await self._places.record(job_id)
        store = await self._places.of_job(job_id)
        return await store.reading.get(job_id, transaction=transaction)

    async def many(self, where: JobFilter, *, limit: int, before: str | None) -> list[JobRecord]:
        """Return jobs of all stores, or of the filter's product's, newest first."""
        if where.product is not None:
            return await self._page(self._places.of_product(where.product), where, limit, before)
        pages = await self._places.from_all(lambda s: self._page(s, where, limit, before))
        merged = merge(*pages, key=lambda record: record.job_id, reverse=True)
        return list(islice(merged, limit))

    async def keyed(self, product: str, keys: Sequence[EnvAndKey]) -> list[Keyed]:
        """Return the jobs that have these keys of a product."""
        store = self._places.of_product(product)
        found = await store.reading.keyed(product, keys)
        for one in found:
            self._places.remember(one.record.job_id, store)
        return found

    async def history(self, job_id: str, *, limit: int) -> list[Finished]:
        """Return finished runs, newest first."""
        return await (await self._places.of_job(job_id)).reading.history(job_id, limit=limit)

    async def cancelled(self, job_id: str) -> int:
        """Count the finished runs that were cancelled once they had begun."""
        return await (await self._places.of_job(job_id)).reading.cancelled(job_id)

    async def run(self, job_id: str, number: int) -> Run | Finished | None:
        """Return one run, live or finished."""
        return await (await self._places.of_job(job_id)).reading.run(job_id, number)

    async def _page(
        self, store: Store, where: JobFilter, limit: int, before: str | None
    ) -> list[JobRecord]:
        page = await store.reading.many(where, limit=limit, before=before)
        for record in page:
            self._places.remember(record.job_id, store)
        return page


class RoutedClaims:
    """Where runs are settled outside of a worker's turn; a worker works with its own store."""

    lanes = 0
    """No turn is taken here."""

    def __init__(self, places: Places) -> None:
        """Settle in the store that has the job."""
        self._places = places

    async def turn(self, wish: Wish, settlements: Sequence[Settlement], *, now_ms: int) -> Turn:
        """Refuse: a worker's lease, and so its turn, is in one store."""
        del wish, settlements, now_ms
        raise of_one_store("a worker")

    async def claimed(self, worker: str, *, at_ms: int) -> list[Claim]:
        """Refuse: a worker is in one store."""
        del worker, at_ms
        raise of_one_store("a worker")

    async def settle(self, settlements: Sequence[Settlement], *, now_ms: int) -> list[SettleAnswer]:
        """Apply settlements, each whole or not at all."""
        answers: list[SettleAnswer] = []
        for settlement in settlements:
            store = await self._places.of_job(settlement.job_id)
            answers += await store.claims.settle([settlement], now_ms=now_ms)
        return answers

    async def note(
        self,
        run: RunRef,
        *,
        now_ms: int,
        checkpoint: JsonValue = None,
        progress: Progress | None = None,
    ) -> bool:
        """Store a checkpoint or progress while the fence holds; tell whether it did."""
        claims = (await self._places.of_job(run.job_id)).claims
        return await claims.note(run, now_ms=now_ms, checkpoint=checkpoint, progress=progress)

    async def learn(self, run: RunRef, spec: JobSpec) -> bool:
        """Replace what a running run is to do."""
        return await (await self._places.of_job(run.job_id)).claims.learn(run, spec)

    async def ask_cancel(self, job_id: str, number: int, *, reason: str | None) -> bool:
        """Ask the worker of a running run to stop it; false where it does not run, or was asked."""
        claims = (await self._places.of_job(job_id)).claims
        return await claims.ask_cancel(job_id, number, reason=reason)

    async def asked_to_stop(self, worker: str) -> list[tuple[RunRef, str | None]]:
        """List this worker's runs that somebody asked to stop, with the reasons."""
        found = await self._places.from_all(lambda store: store.claims.asked_to_stop(worker))
        return [each for one in found for each in one]

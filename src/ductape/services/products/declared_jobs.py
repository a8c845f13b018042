"""Keeping the recurring jobs that a product declares: made, changed, ended by applying it (SPEC 8).

The product's version is stored first, its jobs follow. Whoever dies in between is made up for by
the next to apply it, changed or not: each step is found by comparing, and done twice does nothing.
"""

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from ductape.domain.change import Settlement
from ductape.domain.operations import cancel
from ductape.domain.product import Product, stored_product
from ductape.domain.record import JobRecord
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import Fault
from ductape.ports.stores import Store
from ductape.services.intake.scheduling import Scheduling
from ductape.services.products.declaring import (
    Declaring,
    ScheduleChange,
    Step,
    changes_of,
    left_of,
)
from ductape.services.products.rehearsing import Rehearsing
from ductape.services.settling import Settler

Learn = Callable[[str, int], Awaitable[None]]
"""Has this process's own verbs heed a version that it has applied."""

NO_LONGER = "the product no longer declares it"

_TRIES = 10
"""How often a version that somebody applied meanwhile is kept too."""


class DeclaredJobs:
    """Makes, changes and ends jobs until they are as declared."""

    def __init__(
        self,
        store: Store,
        rehearsing: Rehearsing,
        declaring: Declaring,
        scheduling: Scheduling,
        settler: Settler,
        *,
        zones: ZoneLookup,
        learn: Learn,
    ) -> None:
        """Do what `declaring` finds, as everybody schedules and ends jobs; `learn` first."""
        self._store = store
        self._rehearsing = rehearsing
        self._learn = learn
        self._declaring = declaring
        self._scheduling = scheduling
        self._settler = settler
        self._zones = zones

    def shapes(self, product: Product) -> list[Fault]:
        """Tell what is wrong with the schedules as requests, whatever the time is."""
        return self._rehearsing.shapes(product)

    async def judged(
        self, product: Product, before: Product | None
    ) -> tuple[list[Fault], list[str]]:
        """Tell which schedules would not be taken, had the document been applied."""
        return await self._rehearsing.judged(product, before)

    async def planned(
        self, product: Product, version: int
    ) -> tuple[list[ScheduleChange], list[str]]:
        """Tell what a version would do to its schedules, and warn of what it leaves ended."""
        steps = await self._declaring.steps(product, version, since=version - 1)
        return changes_of(steps), left_of(steps)

    async def keep(self, product: Product, version: int) -> list[ScheduleChange]:
        """Do all that a stored version asks for; returns what was done.

        Somebody may apply a newer one meanwhile, and be done before the last step here. So that is
        looked at again: in the end the jobs are those of the version that is current.
        """
        done: list[Step] = []
        since = version - 1
        for _ in range(_TRIES):
            product, version = await self._current(product, version)
            await self._learn(product.tag, version)
            for step in await self._declaring.steps(product, version, since=since):
                done += await self._do(step, product.tag, version)
            since = version
            if await self._store.products.version(product.tag) == version:
                break
        return changes_of(done)

    async def _current(self, product: Product, version: int) -> tuple[Product, int]:
        if await self._store.products.version(product.tag) == version:
            return product, version
        row = await self._store.products.current(product.tag)
        return (product, version) if row is None else (stored_product(row.document), row.version)

    async def finish(self, product: Product, version: int) -> None:
        """End what a version that is about to be followed by another declares no more.

        Who applied it may have died before doing so, and later ones look back one version.
        """
        for step in await self._declaring.endings(product, since=version - 1):
            await self._do(step, product.tag, version)

    async def _do(self, step: Step, product: str, version: int) -> list[Step]:
        """Do one step; returns it with its job, if there was still something to do."""
        if step.op == "left":
            return []
        if step.op == "ended":
            return [step] if step.record and await self._end(step.record.job_id) else []
        request = self._declaring.request(step, product, version)
        if request is None:
            return []
        placed = await self._scheduling.place(request)
        return [replace(step, job_id=placed.job_id)]

    async def _end(self, job_id: str) -> bool:
        """End a recurrence; a run under way is let end."""

        def plan(record: JobRecord, now_ms: int) -> Settlement | None:
            return cancel(record, NO_LONGER, run_only=False, now_ms=now_ms, zones=self._zones)

        return await self._settler.carry_out(job_id, plan)

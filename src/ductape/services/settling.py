"""Settling runs outside a worker's turn: verbs, take-overs, mending.

A settlement is computed from what was read. Where a recurrence changed in between (`stale`), it is
read and computed again; where the run changed hands (`fenced`), somebody was faster.
"""

from collections.abc import Callable, Collection, Sequence

from ductape.domain.change import SettleAnswer, Settlement
from ductape.domain.job import Claim, Run
from ductape.domain.outcome import Outcome
from ductape.domain.record import JobRecord
from ductape.domain.settlement import settle
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import StoreError
from ductape.ports.catalog import Catalog
from ductape.ports.clock import Clock
from ductape.ports.entropy import Entropy
from ductape.ports.stores import Store
from ductape.services.telling import Telling

MOST_TRIES = 50
"""Each try loses only to a change that somebody else got through."""

Plan = Callable[[JobRecord, int], Settlement | None]
"""Computes a verb's settlement from the job as read and the instant; none changes nothing."""


Decide = Callable[[Claim, Outcome, int], Settlement]
"""Computes what follows from an outcome at an instant."""


def decider(entropy: Entropy, zones: ZoneLookup, telling: Telling | None = None) -> Decide:
    """Fill chance and zones into `domain.settlement.settle`, and add what webhooks are told.

    Without `telling` nobody is told: where a store is only looked at or copied.
    """

    def decide(claim: Claim, outcome: Outcome, now_ms: int) -> Settlement:
        settled = settle(claim, outcome, now_ms=now_ms, draw=entropy.draw(), zones=zones)
        return settled if telling is None else telling.settled(settled, claim, now_ms)

    return decide


class Settler:
    """Applies settlements, and plans them again where they came too late."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        decide: Decide,
        telling: Telling,
        catalog: Catalog,
    ) -> None:
        """Work on a store; `telling` learns from `catalog` who is told of what is decided."""
        self._store = store
        self._clock = clock
        self._telling = telling
        self._catalog = catalog
        self.decide = decide

    async def carry_out(self, job_id: str, plan: Plan) -> bool:
        """Plan a verb from the job as it is and apply it; false where nothing is to be done."""
        for _ in range(MOST_TRIES):
            record = await self._store.reading.get(job_id)
            now_ms = self._clock.now_ms()
            settlement = None if record is None else plan(record, now_ms)
            if record is None or settlement is None:
                return False
            await self._telling.learn_current(self._catalog, record.spec.product, now_ms)
            if await self.apply(self._telling.changed(settlement, record, now_ms)) == "recorded":
                return True
        raise StoreError(f"job {job_id} changes too fast to be changed", job_id=job_id)

    async def carry_out_all(self, records: Sequence[JobRecord], plan: Plan) -> dict[str, bool]:
        """Plan a verb for many jobs as they were read, and apply it in one transaction.

        Tells of each job for which something was to be done whether it was: it may have changed
        meanwhile.
        """
        now_ms = self._clock.now_ms()
        await self._learn({record.spec.product for record in records})
        settlements: list[Settlement] = []
        for record in sorted(records, key=lambda record: record.job_id):
            planned = plan(record, now_ms)
            if planned is not None:
                settlements.append(self._telling.changed(planned, record, now_ms))
        answers = await self._apply_all(settlements, now_ms)
        said = zip(settlements, answers, strict=True)
        return {one.job_id: answer == "recorded" for one, answer in said}

    async def end(self, claim: Claim, outcome: Outcome) -> bool:
        """Settle a claim; false where the run is in other hands by now."""
        product = claim.run.spec.product
        await self._telling.learn_current(self._catalog, product, self._clock.now_ms())
        for _ in range(MOST_TRIES):
            settlement = self.decide(claim, outcome, self._clock.now_ms())
            answer = await self.apply(settlement)
            if answer != "stale":
                return answer == "recorded"
            claim = await self.refreshed(claim)
        raise StoreError("a recurrence changes too fast", job_id=claim.run.job_id)

    async def end_all(
        self, claims: Sequence[Claim], outcome: Callable[[Claim], Outcome]
    ) -> list[Claim]:
        """Settle many claims in one transaction; return those that nobody else had in hand."""
        await self._learn({claim.run.spec.product for claim in claims})
        # In one order: several workers may find the same ones at this moment.
        ordered = sorted(claims, key=lambda claim: (claim.run.job_id, claim.run.number))
        now_ms = self._clock.now_ms()
        settlements = [self.decide(claim, outcome(claim), now_ms) for claim in ordered]
        answers = await self._apply_all(settlements, now_ms)
        return [
            claim
            for claim, said in zip(ordered, answers, strict=True)
            if said == "recorded"
            or (said == "stale" and await self.end(await self.refreshed(claim), outcome(claim)))
        ]

    async def refreshed(self, claim: Claim) -> Claim:
        """Read the claim's recurrence again."""
        record = await self._store.reading.get(claim.run.job_id)
        schedule = None if record is None else record.schedule
        return Claim(claim.run, schedule, claim.product_version)

    async def _learn(self, products: Collection[str]) -> None:
        for product in sorted(products):
            await self._telling.learn_current(self._catalog, product, self._clock.now_ms())

    async def _apply_all(
        self, settlements: Sequence[Settlement], now_ms: int
    ) -> Sequence[SettleAnswer]:
        """Apply settlements in one transaction and wake whoever waits for those recorded."""
        if not settlements:
            return ()
        answers = await self._store.claims.settle(settlements, now_ms=now_ms)
        said = zip(settlements, answers, strict=True)
        recorded = [one for one, answer in said if answer == "recorded"]
        if recorded:
            tell_settled(self._store, recorded)
            self._store.wake.tell("work")  # a limit may have room for others now
        return answers

    async def apply(self, settlement: Settlement) -> SettleAnswer:
        """Apply one settlement and wake whoever waits for it."""
        answers = await self._store.claims.settle([settlement], now_ms=self._clock.now_ms())
        if answers[0] == "recorded":
            tell_settled(self._store, [settlement])
            if settlement.run is not None:
                self._store.wake.tell("work")  # a limit may have room for another run now
        return answers[0]


def tell_settled(store: Store, settlements: Sequence[Settlement]) -> None:
    """Wake who waits for these jobs, and the workers where something is left to be done.

    A leader's result ends jobs that only the store knows.
    """
    known = all(settlement.cache is None for settlement in settlements)
    jobs = {settlement.job_id for settlement in settlements} if known else ()
    store.wake.tell("settled", jobs)
    if not known or any(_leaves_work(settlement) for settlement in settlements):
        store.wake.tell("work")


def _leaves_work(settlement: Settlement) -> bool:
    """Tell whether a run waits now; another worker may be the first to have time for it."""
    return (
        bool(settlement.also)
        or settlement.next_run is not None
        or settlement.release is not None
        or isinstance(settlement.to, Run)
    )

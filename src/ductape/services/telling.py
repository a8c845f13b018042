"""What webhooks are to be told, put beside the change that it tells of (SPEC 9).

Who wants to be told what is looked up in memory by product and version: a run of a product without
webhooks costs one look into a table. Whoever decides about a job makes sure first that its product
is in there (`learn`): deciding itself cannot wait, and may happen on the store's own thread.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from ductape.domain.change import Settlement
from ductape.domain.ids import RANDOM_BYTES, job_id, tails
from ductape.domain.job import Claim, JobSpec, Run
from ductape.domain.record import JobRecord
from ductape.domain.time.zone import ZoneLookup
from ductape.domain.webhooks.delivery import delivery
from ductape.domain.webhooks.events import JobEvent
from ductape.domain.webhooks.happened import happened, record_after, record_of
from ductape.domain.webhooks.payload import payload
from ductape.domain.webhooks.subscription import Subscription, Subscriptions, wanted_by
from ductape.errors import NotFound
from ductape.ports.catalog import Catalog
from ductape.ports.entropy import Entropy
from ductape.ports.stores.intake import NewJob

LOOK_AGAIN_MS = 1_000
"""How long a verb goes by the version of a product that was read last."""
MOST_VERSIONS = 16
"""Of one product; a claim by an older one is told by the newest."""

_STARTED: JobEvent = "job.started"
_SCHEDULED: JobEvent = "job.scheduled"
_DIGEST = b"started"
"""Under a key of an attempt there is only one thing to be told."""


class Telling:
    """Who is told what, of every product that this process has had to do with."""

    def __init__(self, entropy: Entropy, zones: ZoneLookup) -> None:
        """Make ids from `entropy`, and show recurrences by `zones`."""
        self._entropy = entropy
        self._zones = zones
        self._known: dict[tuple[str, int], Subscriptions] = {}
        self._versions: dict[str, list[int]] = {}
        """Of each product, the newest last."""
        self._looked_at_ms: dict[str, int] = {}

    def known(self, product: str, version: int) -> Subscriptions | None:
        """Return who is told by a version of a product; none where that is yet to be learnt."""
        return self._known.get((product, version))

    async def learn(self, catalog: Catalog, product: str, version: int) -> None:
        """Make sure that a version of a product can be decided by; costs nothing where it can.

        Version 0 is that of a product that was never applied.
        """
        if version and (product, version) not in self._known:
            self._keep(product, version, await catalog.subscriptions(product, version=version))

    async def learn_current(self, catalog: Catalog, product: str, now_ms: int) -> None:
        """Make sure of the version that is current, or was within the last second."""
        looked_ms = self._looked_at_ms.get(product)
        if looked_ms is not None and 0 <= now_ms - looked_ms < LOOK_AGAIN_MS:
            return
        try:
            await self.learn(catalog, product, await catalog.version(product))
        except NotFound:
            return  # what was never applied has no webhooks
        self._looked_at_ms[product] = now_ms

    def settled(self, settlement: Settlement, claim: Claim, now_ms: int) -> Settlement:
        """Return what an outcome means, with what is told of it."""
        told = self._of(claim.run.spec.product, claim.product_version)
        return self._with(settlement, record_of(claim), told, now_ms) if told else settlement

    def changed(self, settlement: Settlement, before: JobRecord, now_ms: int) -> Settlement:
        """Return what a verb does to a job, with what is told of it."""
        told = self._of(before.spec.product, 0)
        return self._with(settlement, before, told, now_ms) if told else settlement

    def added(self, job: NewJob, now_ms: int) -> NewJob:
        """Return a job about to be stored, with what is told of it."""
        told = self._of(job.spec.product, job.product_version)
        if not told:
            return job
        record = JobRecord(job.job_id, job.run, job.schedule, None, now_ms)
        return replace(job, also=self._deliveries((_SCHEDULED,), record, told, now_ms))

    def started(self, claim: Claim, now_ms: int) -> Sequence[NewJob]:
        """Return what is told before a handler is called, once an attempt: a key sees to that."""
        told = self._of(claim.run.spec.product, claim.product_version)
        if not told:
            return ()
        run = claim.run
        which = f"{run.job_id}:{run.number}:{len(run.attempts) + 1}:started"
        made = self._deliveries((_STARTED,), record_of(claim), told, now_ms)
        return [_keyed(one, f"{one.spec.event}:{which}") for one in made]

    def _keep(self, product: str, version: int, found: Subscriptions) -> None:
        if (product, version) in self._known:
            return  # several runs asked at once
        versions = self._versions.setdefault(product, [])
        self._known[product, version] = found
        versions.append(version)
        versions.sort()
        if len(versions) > MOST_VERSIONS:
            self._known.pop((product, versions.pop(0)), None)

    def _of(self, product: str, version: int) -> Subscriptions:
        """Return who is told; without a version, by the newest that is known."""
        found = self._known.get((product, version))
        if found is not None:
            return found
        versions = self._versions.get(product)
        return self._known.get((product, versions[-1]), ()) if versions else ()

    def _with(
        self, settlement: Settlement, before: JobRecord, told: Subscriptions, now_ms: int
    ) -> Settlement:
        after = replace(record_after(before, settlement), updated_at_ms=now_ms)
        also = self._deliveries(happened(before, settlement), after, told, now_ms)
        return replace(settlement, also=also) if also else settlement

    def _deliveries(
        self, events: Sequence[JobEvent], record: JobRecord, told: Subscriptions, now_ms: int
    ) -> tuple[Run, ...]:
        return tuple(
            self._delivery(to, event, record, now_ms)
            for event in events
            for to in wanted_by(told, event, record.spec)
        )

    def _delivery(self, to: Subscription, event: JobEvent, record: JobRecord, now_ms: int) -> Run:
        about: JobSpec = record.spec
        body = payload(event, record, now_ms=now_ms, zones=self._zones)
        (tail,) = tails(self._entropy.token(RANDOM_BYTES))
        identity = job_id(now_ms, 0, tail)
        return delivery(to, event, about, body, job_id=identity, now_ms=now_ms)


def _keyed(run: Run, key: str) -> NewJob:
    spec = replace(run.spec, key=key)
    return NewJob(run.job_id, spec, replace(run, spec=spec), digest=_DIGEST)

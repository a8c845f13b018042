"""What must be so before an attempt begins: known who is told of it, and told that it begins.

Where the store does not let it be so, the attempt has not begun and the run goes back.
"""

import logging

from ductape.domain.job import Claim
from ductape.domain.webhooks.subscription import Subscriptions
from ductape.errors import StoreError
from ductape.ports.catalog import Catalog
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.services.telling import Telling

log = logging.getLogger("ductape.worker")


class News:
    """Tells of attempts, for one worker."""

    def __init__(self, store: Store, telling: Telling, catalog: Catalog, clock: Clock) -> None:
        """Store what `telling`, which learns from `catalog`, has to tell."""
        self._store = store
        self._telling = telling
        self._catalog = catalog
        self._clock = clock

    def whom(self, claim: Claim) -> Subscriptions | None:
        """Return who is told of the run's product; none where that is yet to be learnt."""
        return self._telling.known(claim.run.spec.product, claim.product_version)

    async def learned(self, claim: Claim) -> bool:
        """Find out who is told; false where the store does not say."""
        run = claim.run
        try:
            await self._telling.learn(self._catalog, run.spec.product, claim.product_version)
        except StoreError as error:
            log.warning("job %s waits: who is told is not known: %s", run.job_id, error)
            return False
        return True

    async def started(self, claim: Claim) -> bool:
        """Tell that an attempt begins; false where that cannot be stored, so that it must not."""
        now_ms = self._clock.now_ms()
        told = self._telling.started(claim, now_ms)
        if not told:
            return True
        try:
            await self._store.intake.add(told, now_ms=now_ms)
        except StoreError as error:
            log.warning("job %s waits: its start cannot be told: %s", claim.run.job_id, error)
            return False
        self._store.wake.tell("work")
        return True

"""Coming onto a store's list of workers, for the first time and whenever the lease was lost."""

import asyncio
import logging

from ductape.domain.schema import is_outlived
from ductape.errors import StoreError
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.fleet import WorkerRecord
from ductape.worker.options import WorkerOptions

REGISTER_AGAIN_S = 1.0
"""After how long a worker that could not register tries again."""

log = logging.getLogger("ductape.worker")


async def register(store: Store, clock: Clock, options: WorkerOptions, me: WorkerRecord) -> None:
    """Register; raises `StoreError`."""
    await store.fleet.register(me, now_ms=clock.now_ms(), lease_ms=options.lease_ms)


async def register_at_last(
    store: Store, clock: Clock, options: WorkerOptions, me: WorkerRecord
) -> None:
    """Register, however long the store is out of reach.

    Raises `StoreError` where it never will: a migration has made this program too old.
    """
    while True:
        try:
            return await register(store, clock, options, me)
        except StoreError as error:
            if is_outlived(error):
                raise
            log.warning("worker %s cannot register: %s", me.id, error)
        await asyncio.sleep(REGISTER_AGAIN_S)

"""Coming onto a store's list of workers, for the first time and whenever the lease was lost."""

import asyncio

from ductape.domain.schema import is_outlived
from ductape.errors import StoreError
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.fleet import WorkerRecord
from ductape.worker.options import WorkerOptions
from ductape.worker.trouble import Trouble

REGISTER_AGAIN_S = 1.0
"""After how long a worker that could not register tries again."""


async def register(store: Store, clock: Clock, options: WorkerOptions, me: WorkerRecord) -> None:
    """Register; raises `StoreError`."""
    await store.fleet.register(me, now_ms=clock.now_ms(), lease_ms=options.lease_ms)


async def register_at_last(
    store: Store, clock: Clock, options: WorkerOptions, me: WorkerRecord
) -> None:
    """Register, however long the store is out of reach.

    Raises `StoreError` where it never will: a migration has made this program too old.
    """
    trouble = Trouble(f"registration of worker {me.id}", clock)
    while True:
        try:
            await register(store, clock, options, me)
            return trouble.ends()
        except StoreError as error:
            if is_outlived(error):
                raise
            trouble.lasts(str(error))
        await asyncio.sleep(REGISTER_AGAIN_S)

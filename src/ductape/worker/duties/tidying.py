"""Keeping the store's hot table small once enough runs have ended, one worker at a time."""

import logging

from ductape.errors import StoreError
from ductape.ports.clock import Clock
from ductape.ports.stores import Store

LEASE_MS = 1_000
"""For how long one worker has the duty: the next turn of it is anybody's."""

log = logging.getLogger("ductape.worker")


async def keep_tidy(store: Store, clock: Clock, worker: str) -> None:
    """Tidy again and again until cancelled."""
    while True:
        try:
            await store.upkeep.worn()
            await _tidy(store, clock.now_ms(), worker)
        except StoreError as error:
            # It is asked again only after some more runs were settled.
            log.warning("the store was not tidied: %s", error)


async def _tidy(store: Store, now_ms: int, worker: str) -> None:
    if await store.upkeep.take_duty("tidy", worker, now_ms=now_ms, lease_ms=LEASE_MS):
        await store.upkeep.tidy()

"""Removing the files of large results whose runs are gone, one worker at a time.

It waits for storages, so that it is nobody else's part: a storage that does not answer holds up
neither the pruning nor anything else. What cannot be removed is tried again, later and later, for
about ten days; then it is left where it is, and named in the log. Spans are milliseconds.
"""

import asyncio
import logging
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from ductape.domain.definitions.storage import StorageTarget
from ductape.domain.files.names import joined
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.request import JobEventTypes
from ductape.errors import DuctapeError, StoreError, invalid
from ductape.ports.blobs import Blobs
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.result_files import ResultFile
from ductape.worker.attempt.preparing import Preparing
from ductape.worker.trouble import Trouble

LOOK_EVERY_MS = 61_000
"""Out of step with what is done each minute."""
LEASE_MS = 600_000
MOST_AT_ONCE = 50
PATIENCE_MS = 10_000
"""How long one removal may take."""
FIRST_WAIT_MS = 60_000
LONGEST_WAIT_MS = 86_400_000
MOST_TRIES = 20

OUT_OF_REACH = frozenset(
    {"TIMEOUT", "RATE_LIMITED", "SERVICE_UNAVAILABLE", "CONNECTION_ERROR", "CONNECTION_LOST"}
)
"""What one file's removal tells of its whole storage: the others wait without being tried."""

_Place: TypeAlias = tuple[str, str, str]
"""Product, env and storage."""

log = logging.getLogger("ductape.worker")


class Clearing:
    """One worker's share of the removal."""

    def __init__(self, store: Store, preparing: Preparing, blobs: Blobs, clock: Clock) -> None:
        """Look after a store's files, in whatever storages they are."""
        self._store = store
        self._preparing = preparing
        self._blobs = blobs
        self._clock = clock

    async def serve(self, worker: str) -> None:
        """Look again and again until cancelled."""
        trouble = Trouble("clearing", self._clock)
        while True:
            try:
                while await self.look(worker):
                    pass
                trouble.ends()
            except StoreError as error:
                trouble.lasts(str(error))
            except Exception:  # a turn of a background loop: the next tries again
                log.exception("clearing failed")
            await asyncio.sleep(LOOK_EVERY_MS / 1000)

    async def look(self, worker: str) -> bool:
        """Remove some of the files that are left; tell whether there may be more."""
        files = self._store.result_files
        now_ms = self._clock.now_ms()
        if not await files.left(now_ms=now_ms, limit=1):
            return False
        duty = self._store.upkeep.take_duty
        if not await duty("result files", worker, now_ms=now_ms, lease_ms=LEASE_MS):
            return False
        left = await files.left(now_ms=now_ms, limit=MOST_AT_ONCE)
        out_of_reach: dict[_Place, int] = {}
        for file in left:
            await self._remove(file, out_of_reach)
        return len(left) == MOST_AT_ONCE

    async def _remove(self, file: ResultFile, out_of_reach: dict[_Place, int]) -> None:
        """Remove a file; if its storage is out of reach, the others there wait as long as it."""
        files, where = self._store.result_files, (file.product, file.env, file.storage)
        if file.lingers_ms:
            until_ms = self._clock.now_ms() + file.lingers_ms
            await files.put_off(replace(file, lingers_ms=0), until_ms=until_ms)
        elif where in out_of_reach:
            await files.put_off(file, until_ms=out_of_reach[where])
        else:
            try:
                await self._delete(file)
            except DuctapeError as error:
                code = error.code
                until_ms = await self._try_later(file, code)
                if code in OUT_OF_REACH:
                    out_of_reach[where] = until_ms
            else:
                await files.forget(file)

    async def _delete(self, file: ResultFile) -> None:
        given: JsonObject = {"operation": "delete", "fileName": file.name}
        found = await self._preparing.alone(file.product, file.env, file.storage, given)
        if found.target.kind is not JobEventTypes.STORAGE:
            raise invalid("event", "a storage", f"`{file.storage}`, a {found.target.kind}")
        try:
            place = msgspec.convert(found.target.definition, StorageTarget)
        except msgspec.ValidationError as error:
            raise invalid("definition", "a storage", "another", hint=str(error)) from error
        await self._blobs.delete(place, joined(place.prefix, file.name), timeout_ms=PATIENCE_MS)

    async def _try_later(self, file: ResultFile, code: str) -> int:
        """Put a file off, or give it up; return until when."""
        files = self._store.result_files
        until_ms = self._clock.now_ms() + min(FIRST_WAIT_MS << file.tries, LONGEST_WAIT_MS)
        tried = replace(file, tries=file.tries + 1)
        told = (file.name, file.storage, file.product, file.env, code)
        if tried.tries < MOST_TRIES:
            log.warning("`%s` stays in storage `%s` of %s/%s for now: %s", *told)
            await files.put_off(tried, until_ms=until_ms)
        else:
            log.error("`%s` is left in storage `%s` of %s/%s for good: %s", *told)
            await files.forget(file)
        return until_ms

"""What any worker does now and then: see to lost and expired runs, mend recurrences, prune history.

Looking costs a read; only what is found is written. Fences and versions make it safe for every
worker to do it at once (DESIGN 3).
"""

import asyncio
import logging

from msgspec.structs import replace

from ductape.domain.change import Settlement
from ductape.domain.job import Claim, must_begin_by
from ductape.domain.outcome import Expired, Lost
from ductape.domain.product.retention import kept_in, of_product
from ductape.domain.record import JobRecord
from ductape.domain.recurring import upcoming
from ductape.domain.retention import Kept, KeptFrom, Others, kept_from
from ductape.domain.schema import is_outlived
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import StoreError
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.services.settling import Settler
from ductape.worker.options import WorkerOptions
from ductape.worker.trouble import Trouble

MOST_AT_ONCE = 200
MEND_EVERY_MS = 10_000
"""What is mended is rare, and a thousand workers look."""
PRUNE_EVERY_MS = 600_000
PRUNE_BATCH = 1_000
MOST_BATCHES = 10
"""How many a look prunes: others come in between, and 5,000 runs a second are kept up with. So many
of what has expired are ended in a look as well."""

log = logging.getLogger("ductape.worker")


class Upkeep:
    """One worker's share of the upkeep."""

    def __init__(
        self,
        store: Store,
        settler: Settler,
        clock: Clock,
        zones: ZoneLookup,
        options: WorkerOptions,
    ) -> None:
        """Look after a store."""
        self._store = store
        self._settler = settler
        self._clock = clock
        self._zones = zones
        self._options = options
        self._mended_at_ms: int | None = None
        self._pruned_at_ms: int | None = None

    async def serve(self, worker: str) -> None:
        """Look again and again until cancelled, or until the store has outlived this program."""
        trouble = Trouble("upkeep", self._clock)
        while True:
            await asyncio.sleep(self._options.upkeep_ms / 1000)
            try:
                await self.look(worker)
                trouble.ends()
            except StoreError as error:
                if is_outlived(error):
                    return
                trouble.lasts(str(error))
            except Exception:
                log.exception("upkeep failed")  # a turn of a background loop: the next tries again

    async def look(self, worker: str) -> None:
        """Do once all that is to be done."""
        await self.take_over()
        now_ms = self._clock.now_ms()
        if _is_time(self._mended_at_ms, now_ms, MEND_EVERY_MS):
            await self.mend()
            self._mended_at_ms = now_ms if await self.expire() else None
        await self.prune(worker)

    async def take_over(self) -> int:
        """Settle the runs of dead workers, and those past their deadline, as lost; all there are.

        A host may have died with thousands, and none is to wait for the next look.
        """
        taken = 0
        while True:
            claims = await self._store.fleet.lost(now_ms=self._clock.now_ms(), limit=MOST_AT_ONCE)
            ended = await self._settler.end_all(claims, _lost) if claims else []
            for claim in ended:
                log.warning("run %d of job %s taken over", claim.run.number, claim.run.job_id)
            taken += len(ended)
            # Where others were faster with all of them, they go on with the rest as well.
            if not ended or len(claims) < MOST_AT_ONCE:
                return taken

    async def expire(self) -> bool:
        """End runs that nobody may begin any more, and that nobody has claimed to find it out.

        False: more may be left, and the next look goes on with it.
        """
        for _ in range(MOST_BATCHES):
            now_ms = self._clock.now_ms()
            expired = await self._store.upkeep.expired(now_ms=now_ms, limit=MOST_AT_ONCE)
            # An older worker leaves `expires_at` on what has begun.
            over = [claim for claim in expired if must_begin_by(claim.run) is not None]
            if over:
                await self._settler.end_all(over, lambda _: Expired())
            if len(expired) < MOST_AT_ONCE:
                return True
        return False

    async def mend(self) -> int:
        """Give every live recurrence its run, and every deserted follower its turn."""
        mended = await self._store.upkeep.release_deserted(now_ms=self._clock.now_ms())
        if mended:
            self._store.wake.tell("work")
        for schedule in await self._store.upkeep.orphans(limit=MOST_AT_ONCE):
            if await self._settler.carry_out(schedule.job_id, self._missing_run):
                mended += 1
        return mended

    async def prune(self, worker: str) -> None:
        """Take away what is old, some batches a look, one worker at a time."""
        now_ms = self._clock.now_ms()
        if not _is_time(self._pruned_at_ms, now_ms, PRUNE_EVERY_MS):
            return
        duty = self._store.upkeep.take_duty
        if not await duty("prune", worker, now_ms=now_ms, lease_ms=PRUNE_EVERY_MS):
            return
        default = Kept(self._options.completed_kept_ms, self._options.failed_kept_ms)
        others = await self._kept_otherwise(default, now_ms)
        for _ in range(MOST_BATCHES):
            if not await self._prune_batch(kept_from(default, now_ms), others, now_ms):
                self._pruned_at_ms = now_ms
                return
        # More is left: the next look goes on with it.
        self._pruned_at_ms = None

    async def _kept_otherwise(self, default: Kept, now_ms: int) -> Others:
        """Ask which products say themselves how long their runs are kept."""
        rows = await self._store.products.having("retention")
        said = {row.tag: kept_in(row.document) for row in rows}
        return {tag: kept_from(of_product(one, default), now_ms) for tag, one in said.items()}

    async def _prune_batch(self, default: KeptFrom, others: Others, now_ms: int) -> bool:
        return await self._store.upkeep.prune(
            completed_before_ms=default.completed_ms,
            failed_before_ms=default.failed_ms,
            now_ms=now_ms,
            limit=PRUNE_BATCH,
            products=others,
        )

    def _missing_run(self, record: JobRecord, now_ms: int) -> Settlement | None:
        schedule = record.schedule
        if schedule is None or record.live is not None or schedule.state != "active":
            return None
        moved, run = upcoming(schedule, now_ms=now_ms, zones=self._zones)
        if moved == schedule and run is None:
            return None
        raised = replace(moved, version=schedule.version + 1)
        return Settlement(job_id=record.job_id, schedule=raised, next_run=run)


def _lost(claim: Claim) -> Lost:
    return Lost(f"worker {claim.run.worker or 'unknown'} gave no sign of life")


def _is_time(last_ms: int | None, now_ms: int, every_ms: int) -> bool:
    """Tell whether something is due again; a clock set back makes it so."""
    return last_ms is None or not last_ms <= now_ms < last_ms + every_ms

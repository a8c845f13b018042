"""Claiming on PostgreSQL: a turn is one transaction, and no two workers wait for one another."""

from collections.abc import Sequence

from msgspec.structs import replace

from ductape.domain.change import RunRef, SettleAnswer, Settlement
from ductape.domain.job import Claim, Progress, Run
from ductape.domain.jsonvalue import JsonValue
from ductape.ports.stores.claims import Turn, Wish
from ductape.stores.postgres.engine import Engine
from ductape.stores.postgres.products import newest_versions
from ductape.stores.postgres.rows import Values, encode, run_of, searchable
from ductape.stores.postgres.settling import Decide, Settling, named, with_schedules
from ductape.stores.postgres.transaction import Transaction

MOST_PROMOTED = 1_000


class PostgresClaims:
    """Where runs are taken and given back."""

    def __init__(self, engine: Engine, decide: Decide) -> None:
        """Work on an engine; `decide` settles the runs that a leader's result answers."""
        self._engine = engine
        self._settling = Settling(decide)
        self._turns = 0

    async def turn(self, wish: Wish, settlements: Sequence[Settlement], *, now_ms: int) -> Turn:
        """Settle, promote what fell due, renew the lease and claim, in one transaction."""
        self._turns += 1
        return await self._engine.write(lambda t: self._turn(t, wish, settlements, now_ms))

    async def settle(self, settlements: Sequence[Settlement], *, now_ms: int) -> list[SettleAnswer]:
        """Apply settlements, each whole or not at all."""
        return await self._engine.write(lambda t: self._settling.settle_all(t, settlements, now_ms))

    async def note(
        self,
        run: RunRef,
        *,
        now_ms: int,
        checkpoint: JsonValue = None,
        progress: Progress | None = None,
    ) -> bool:
        """Store a checkpoint or progress while the fence holds; tell whether it did."""
        values: Values = {
            **named(run),
            "checkpoint": None if checkpoint is None else encode(checkpoint),
            "progress": None if progress is None else encode(progress),
            "now": now_ms,
        }
        return await self._engine.single(lambda t: t.change("runs", "checkpoint", values)) == 1

    async def ask_cancel(self, job_id: str, number: int, *, reason: str | None) -> bool:
        """Ask the worker of a running run to stop it; false where it does not run."""
        values: Values = {"job_id": job_id, "number": number, "reason": searchable(reason or "")}
        return await self._engine.single(lambda t: t.change("runs", "ask_cancel", values)) == 1

    async def asked_to_stop(self, worker: str) -> list[tuple[RunRef, str | None]]:
        """List this worker's runs that somebody asked to stop, with the reasons."""
        asked: Values = {"worker": worker}
        rows = await self._engine.single(lambda t: t.rows("runs", "asked_to_stop", asked))
        return [(RunRef(row[0], row[1], row[2]), row[3] or None) for row in rows]

    async def _turn(
        self, transaction: Transaction, wish: Wish, settlements: Sequence[Settlement], now_ms: int
    ) -> Turn:
        answers = await self._settling.settle_all(transaction, settlements, now_ms)
        due = await _promote(transaction, now_ms)
        leased = await _renew(transaction, wish, now_ms)
        wants = leased and wish.slots > 0
        claims = await self._claim(transaction, wish, now_ms) if wants else []
        return Turn(answers, claims, due, leased)

    async def _claim(self, transaction: Transaction, wish: Wish, now_ms: int) -> list[Claim]:
        runs: list[Run] = []
        suspect = wish.suspect
        for queue in self._in_turn(await _queues(transaction, wish)):
            free = wish.slots - len(runs)
            if suspect and free > 0:
                found = await _take(transaction, "claim_suspect", wish, queue, now_ms, slots=1)
                suspect = not found
                runs += found
                free -= len(found)
            if free > 0:
                runs += await _take(transaction, "claim", wish, queue, now_ms, slots=free)
        return await _with_products(transaction, runs)

    def _in_turn(self, queues: tuple[str, ...]) -> tuple[str, ...]:
        """Begin with another queue each time, so that a full one starves none."""
        first = self._turns % len(queues) if queues else 0
        return queues[first:] + queues[:first]


async def _promote(transaction: Transaction, now_ms: int) -> int | None:
    """Queue what fell due; return when the next run does."""
    due: int | None = await transaction.cell("runs", "next_due")
    if due is None or due > now_ms:
        return due
    await transaction.change("runs", "promote", {"now": now_ms, "most": MOST_PROMOTED})
    return await transaction.cell("runs", "next_due")


async def _renew(transaction: Transaction, wish: Wish, now_ms: int) -> bool:
    values: Values = {"id": wish.worker, "now": now_ms, "lease_until": now_ms + wish.lease_ms}
    return await transaction.change("workers", "beat", values) == 1


async def _queues(transaction: Transaction, wish: Wish) -> tuple[str, ...]:
    """Return the queues that a worker may claim from: the named ones, else all with a run."""
    if wish.queues:
        return wish.queues
    return tuple(row[0] for row in await transaction.rows("runs", "queues"))


async def _take(
    transaction: Transaction, name: str, wish: Wish, queue: str, now_ms: int, *, slots: int
) -> list[Run]:
    values: Values = {
        "worker": wish.worker,
        "queue": queue,
        "handlers": sorted(wish.handlers),
        "now": now_ms,
        "grace": wish.grace_ms,
        "slots": slots,
    }
    runs = [run_of(row) for row in await transaction.rows("runs", name, values)]
    return sorted(runs, key=lambda run: (-run.spec.priority, run.due_at_ms))


async def _with_products(transaction: Transaction, runs: Sequence[Run]) -> list[Claim]:
    versions = await newest_versions(transaction, {run.spec.product for run in runs})
    return [
        replace(claim, product_version=versions.get(claim.run.spec.product, 0))
        for claim in await with_schedules(transaction, runs)
    ]

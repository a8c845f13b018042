"""Applying settlements on PostgreSQL, each whole or not at all, in the caller's transaction.

Locks are taken in one order by everybody, so that two transactions do not wait for one another:
gates, cache keys, then the recurrences, then their runs. Ends of runs, which are most, are applied
together, and so are the recurrences that they move on: a few statements for all of them.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from ductape.domain.change import RunRef, SettleAnswer, Settlement
from ductape.domain.job import Claim, Finished, Run, Schedule, under_way
from ductape.domain.outcome import Cached, Cancelled, Outcome
from ductape.stores.postgres.intake.inserting import send_runs, store_run
from ductape.stores.postgres.limits.gates import hold_gates
from ductape.stores.postgres.limits.room import unblock
from ductape.stores.postgres.recalling import hold_keys, release
from ductape.stores.postgres.rows.entries import entry_columns
from ductape.stores.postgres.rows.values import (
    Cell,
    Values,
    by_column,
    run_of,
    schedule_of,
    schedule_row,
)
from ductape.stores.postgres.schema.days import EVER, ended_from
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.settling.ending import (
    Ending,
    Settled,
    end,
    ends_together,
    gate_left,
    send_all,
    send_ends,
)
from ductape.stores.postgres.settling.giving_back import back_columns, backs_together, send_back
from ductape.stores.postgres.steps.records import make_due_if_heard

Decide = Callable[[Claim, Outcome, int], Settlement]
"""`domain.settlement.settle`, with chance and zones filled in by the root."""


class Settling:
    """Applies settlements."""

    def __init__(self, decide: Decide) -> None:
        """`decide` settles the runs that a leader's result answers."""
        self._decide = decide

    async def send(
        self, transaction: Transaction, settlements: Sequence[Settlement], now_ms: int
    ) -> Ending | Settled:
        """Send them where they only end runs: the answer may come later; apply them otherwise."""
        ending = await send_ends(transaction, settlements)
        if ending is not None:
            return ending
        return await self.settle_all(transaction, settlements, now_ms)

    async def settle_all(
        self, transaction: Transaction, settlements: Sequence[Settlement], now_ms: int
    ) -> Settled:
        """Apply them."""
        gates = {gate for each in settlements if (gate := gate_left(each)) is not None}
        await hold_gates(transaction, gates, now_ms)
        await hold_keys(transaction, set(_cache_keys(settlements)), now_ms)
        answers = await self._answers(transaction, settlements, now_ms)
        return Settled(answers, await unblock(transaction, gates, now_ms))

    async def _answers(
        self, transaction: Transaction, settlements: Sequence[Settlement], now_ms: int
    ) -> list[SettleAnswer]:
        versions = await _hold_schedules(transaction, settlements)
        ends, backs = ends_together(settlements, versions), backs_together(settlements)
        ending = await send_all(transaction, [*ends.values()])
        giving = await send_back(transaction, [*backs.values()], now_ms)
        ended, back = await ending.held(), await giving.done()
        moved = [settlements[at] for at, (run, _) in ends.items() if run in ended]
        gone = [settlements[at] for at, (run, _) in backs.items() if run in back]
        await _move_on(transaction, moved, now_ms)
        await self._tell_followers(transaction, [*moved, *gone], now_ms)
        answers: list[SettleAnswer] = []
        for at, settlement in enumerate(settlements):
            run = settlement.run
            if at in ends:
                answers.append("recorded" if run in ended else "fenced")
            elif at in backs and run in back:
                answers.append("recorded")
            else:
                answers.append(await self._settle(transaction, settlement, now_ms))
        return answers

    async def _settle(
        self, transaction: Transaction, asked: Settlement, now_ms: int
    ) -> SettleAnswer:
        versions = await _hold_schedules(transaction, [asked])
        settlement = await self._heed_stop(transaction, asked, now_ms)
        schedule = settlement.schedule
        if schedule is not None and versions.get(asked.job_id) != schedule.version - 1:
            return "stale"
        if settlement.run is not None and not await _move(transaction, settlement, now_ms):
            return "fenced"
        if settlement.reopens and not await _reopen(transaction, settlement):
            return "fenced"
        if schedule is not None:
            await transaction.change("schedules", "update", schedule_row(schedule, now_ms))
        if settlement.next_run is not None:
            await store_run(transaction, settlement.next_run, now_ms)
        await send_runs(transaction, settlement.also, now_ms)
        await self._tell_followers(transaction, [settlement], now_ms)
        return "recorded"

    async def _heed_stop(
        self, transaction: Transaction, settlement: Settlement, now_ms: int
    ) -> Settlement:
        """End a run that would go back although somebody has asked it to stop."""
        back, held = settlement.to, settlement.run
        if held is None or not isinstance(back, Run) or under_way(back):
            return settlement  # a feature goes back to undo what has finished
        found = await transaction.row("runs", "hold", named(held))
        if found is None or found[1] is None:
            return settlement
        [claim] = await with_schedules(transaction, [replace(back, fence=held.fence)])
        ended = self._decide(claim, Cancelled(found[1] or None), now_ms)
        return replace(ended, release=settlement.release)

    async def _tell_followers(
        self, transaction: Transaction, done: Sequence[Settlement], now_ms: int
    ) -> None:
        """Complete every run that is parked behind a result; let the first behind none go."""
        results = {
            one.cache.key: (one.cache, one.to.result)
            for one in done
            if one.cache is not None and isinstance(one.to, Finished)
        }
        if results:
            entries = entry_columns(results.values(), now_ms)
            await transaction.ask("cache_entries", "put", entries)
            rows = await transaction.rows("runs", "parked", {"keys": sorted(results)})
            claims = await with_schedules(transaction, [run_of(row) for row in rows])
            answered = [
                self._decide(claim, Cached(results[claim.run.cache_key or b""][1]), now_ms)
                for claim in claims
            ]
            await self._answers(transaction, answered, now_ms)
        await release(transaction, {one.release for one in done if one.release is not None}, now_ms)


async def with_schedules(transaction: Transaction, runs: Sequence[Run]) -> list[Claim]:
    """Read what settling runs takes."""
    schedules = await schedules_of(transaction, runs)
    return [Claim(run, schedules.get(run.job_id)) for run in runs]


async def schedules_of(transaction: Transaction, runs: Sequence[Run]) -> dict[str, Schedule]:
    """Read the recurrences of those runs that have one, by job."""
    recurring = sorted({run.job_id for run in runs if run.spec.repeat is not None})
    if not recurring:
        return {}
    rows = await transaction.rows("schedules", "get", {"jobs": recurring})
    return {row[0]: schedule_of(row) for row in rows}


def named(run: RunRef) -> dict[str, Cell]:
    """Return what names a run in somebody's hands."""
    return {"job_id": run.job_id, "number": run.number, "fence": run.fence}


def _cache_keys(settlements: Iterable[Settlement]) -> Iterable[bytes]:
    for settlement in settlements:
        if settlement.cache is not None:
            yield settlement.cache.key
        if settlement.release is not None:
            yield settlement.release


async def _hold_schedules(
    transaction: Transaction, settlements: Sequence[Settlement]
) -> dict[str, int]:
    """Keep the recurrences as they are, where there are any; return their versions by job."""
    jobs = sorted(
        {one.job_id for one in settlements if one.schedule is not None or _goes_back(one)}
    )
    return dict(await transaction.rows("schedules", "lock", {"jobs": jobs})) if jobs else {}


def _goes_back(settlement: Settlement) -> bool:
    """Tell whether a settlement gives an occurrence back."""
    return isinstance(settlement.to, Run) and settlement.to.spec.repeat is not None


async def _move_on(
    transaction: Transaction, settlements: Sequence[Settlement], now_ms: int
) -> None:
    """Send what becomes of the recurrences whose runs have ended, and what is told of them."""
    schedules = [one.schedule for one in settlements if one.schedule is not None]
    if schedules:
        columns = by_column([schedule_row(one, now_ms) for one in schedules])
        await transaction.ask("schedules", "update_all", columns)
    fresh = [run for one in settlements for run in (one.next_run, *one.also) if run is not None]
    await send_runs(transaction, fresh, now_ms)


async def _move(transaction: Transaction, settlement: Settlement, now_ms: int) -> bool:
    """End the run or give it back, if the fence holds; then write its history."""
    run = settlement.run
    if run is None:
        return True
    if isinstance(settlement.to, Run):
        back = back_columns(run, settlement.to, now_ms)
        if await transaction.change("runs", "give_back", back) != 1:
            return False
        if settlement.suspends or under_way(settlement.to):
            await make_due_if_heard(transaction, settlement, run, now_ms)
        return True
    if settlement.to is None:
        return await transaction.change("runs", "delete", named(run)) == 1
    return bool(await end(transaction, [(run, settlement.to)]))


async def _reopen(transaction: Transaction, settlement: Settlement) -> bool:
    """Take the last word from the run before; false where somebody else already has."""
    if settlement.next_run is None:
        return False
    before: Values = {
        "job_id": settlement.job_id,
        "number": settlement.next_run.number - 1,
        "ended_from": ended_from([settlement.job_id]),
    }
    if await transaction.change("history", "supersede", before) == 1:
        return True
    # A clock may have been set back: look everywhere before it is said that another was first.
    everywhere: Values = {**before, "ended_from": EVER}
    return await transaction.change("history", "supersede", everywhere) == 1

"""Keeping history as long as it is wanted, and no row of it deleted one by one (SPEC 19).

A day is taken out of history whole, then the keys of its jobs are freed in batches, then its table
is dropped: no row is deleted, no reader waits, nothing bloats. In batches is deleted what lies in
the rest, what is old of a day on which others' runs are kept longer (`sweeping`), and all that is
old where this user may not change tables.
"""

import logging
from collections.abc import Mapping, Sequence

from ductape.domain.retention import KeptFrom, Others
from ductape.stores.postgres.intake.keys import free_keys
from ductape.stores.postgres.rows.values import Values
from ductape.stores.postgres.schema import days
from ductape.stores.postgres.schema.days import SHARES, Day, Done, Place, Share
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.steps.records import delete_steps
from ductape.stores.postgres.upkeep.pruning import alone
from ductape.stores.postgres.upkeep.sweeping import EVERYBODY, Sweeping, forget, of_share, rule_of

AHEAD = 2
"""How many days beyond today have their partitions: so long may the upkeep be away."""

log = logging.getLogger("ductape.store")


class Retention:
    """Makes days, and takes them away."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine
        self._sweeping = Sweeping(engine)
        self._freed_up_to: dict[Day, Place] = {}
        self._forbidden = False

    async def keep(self, *, default: KeptFrom, others: Others, now_ms: int, limit: int) -> bool:
        """Make the days to come, and do a bounded part of what old ones take.

        Returns whether more is left.
        """
        known = await self._engine.single(days.known_days)
        await self._make_ahead(known, now_ms)
        rules = {day: rule_of(day, default, others) for day in known if known[day]}
        old = [day for day, rule in sorted(rules.items()) if rule == EVERYBODY]
        left = [day for day in old if not await self._taken_out(day)]
        gone = [day for day in sorted(known) if not known[day] or (day in old and day not in left)]
        more = not self._forbidden and await self._finish(gone, limit)
        # A day that is only busy is taken out later, whole.
        swept = {day: rule for day, rule in rules.items() if self._forbidden or day not in old}
        more |= await self._sweeping.go_on(swept, limit)
        for share in SHARES:
            more |= await self._deleted(share, default, others, limit) == limit
        return more

    async def _make_ahead(self, known: Mapping[Day, bool], now_ms: int) -> None:
        for day in days.days_from(now_ms, ahead=AHEAD):
            if day not in known and not self._forbidden:
                self._heed(await alone(self._engine, lambda t, day=day: days.make(t, day)))

    async def _taken_out(self, day: Day) -> bool:
        if self._forbidden:
            return False
        return self._heed(await alone(self._engine, lambda t: days.detach(t, day)))

    async def _finish(self, gone: Sequence[Day], limit: int) -> bool:
        """Go on with the first of the days that were taken out; return whether more is left."""
        return bool(gone) and (not await self._dropped(gone[0], limit) or len(gone) > 1)

    async def _dropped(self, day: Day, limit: int) -> bool:
        """Free the keys of some jobs of a day; drop it after the last of them."""
        after = self._freed_up_to.get(day, ("", 0))
        last = await alone(self._engine, lambda t: _free_next(t, day, after, limit))
        if last is not None:
            self._freed_up_to[day] = last
            return False
        self._freed_up_to.pop(day, None)
        dropped = self._heed(await alone(self._engine, lambda t: days.drop(t, day)))
        if dropped:
            await self._engine.single(lambda t: forget(t, day))
        return dropped

    async def _deleted(self, share: Share, default: KeptFrom, others: Others, limit: int) -> int:
        """Delete some old rows of days that have no partition."""
        values: Values = {
            "ended_before": days.start_of_day(of_share(default, share)),
            "others": list(others),
            "others_before": [days.start_of_day(of_share(one, share)) for one in others.values()],
            "most": limit,
        }
        return await alone(self._engine, lambda t: _delete(t, share, values))

    def _heed(self, done: Done) -> bool:
        """Say once what this user may not; return whether all went well."""
        if done == "forbidden" and not self._forbidden:
            self._forbidden = True
            log.warning(
                "the database user does not own the tables: days of history are neither made nor"
                " dropped from here, old runs are deleted in batches instead"
            )
        return done == "done"


async def _free_next(transaction: Transaction, day: Day, after: Place, most: int) -> Place | None:
    """Free what the next runs of a day keep elsewhere; return the last of these, if not all."""
    found = await days.keyed(transaction, day, after=after, most=most)
    await free_keys(transaction, (one.job_id for one in found if one.has_key))
    await delete_steps(transaction, [(one.job_id, one.number) for one in found])
    last = found[-1] if len(found) == most else None
    return None if last is None else (last.job_id, last.number)


async def _delete(transaction: Transaction, share: Share, values: Values) -> int:
    rows = await days.rows_of(transaction, "history", "prune", Day(days.EVER, share), values)
    await free_keys(transaction, (row[0] for row in rows))
    await delete_steps(transaction, [(row[0], row[1]) for row in rows])
    return len(rows)

"""Going through old days for runs of products that are kept for less long than others (SPEC 19).

A day is dropped once every product's time is over. Until then it is gone through whenever another
product's is: in the order of its key, some thousands of runs at a time, so that no index is needed
that each settlement would pay for. How far that went, and by which rule, is kept in a row for each
day: whoever has the duty next goes on from there, and what is done is not done again.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from ductape.domain.retention import KeptFrom, Others
from ductape.stores.postgres.intake.keys import free_keys
from ductape.stores.postgres.rows.values import Row, Values
from ductape.stores.postgres.schema.days import Day, Share, change_of, rows_of
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.steps.records import delete_steps
from ductape.stores.postgres.upkeep.pruning import alone

TABLE = "history_swept"
LOOKED_AT = 10
"""How many runs are looked at for each that may be deleted: looking is cheap."""


class Rule(Struct, frozen=True):
    """Whose runs of a day go."""

    products: tuple[str, ...]
    only: bool
    """Those of these products, or of all but these."""


EVERYBODY = Rule((), only=False)
NOBODY = Rule((), only=True)

_encode = msgspec.json.Encoder(order="deterministic").encode


class _Swept(Struct, frozen=True):
    """How far a day was gone through."""

    rule: str
    after_job: str | None
    after_number: int | None


def rule_of(day: Day, default: KeptFrom, others: Others) -> Rule:
    """Tell whose runs of a day are kept no longer."""
    is_old = {tag: day.ends_ms <= of_share(kept, day.share) for tag, kept in others.items()}
    only = day.ends_ms > of_share(default, day.share)
    named = (tag for tag, old in is_old.items() if old == only)
    return Rule(tuple(sorted(named)), only=only)


def of_share(kept: KeptFrom, share: Share) -> int:
    """Return the first instant of a share that is kept."""
    return kept.completed_ms if share == "completed" else kept.failed_ms


class Sweeping:
    """Deletes of days what is old while others are kept."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def go_on(self, rules: Mapping[Day, Rule], limit: int) -> bool:
        """Do a bounded part of the first day that is not swept; tell whether more is left."""
        wanted = {day: rule for day, rule in sorted(rules.items()) if rule != NOBODY}
        if not wanted:
            return False
        rows = await self._engine.single(lambda t: t.rows("history_swept", "all"))
        swept = {row[0]: _Swept(*row[1:]) for row in rows}
        left = [day for day, rule in wanted.items() if not _is_swept(swept.get(day.name), rule)]
        if not left:
            return False
        day, rule = left[0], wanted[left[0]]
        after = _place(swept.get(day.name), rule)
        done = await alone(self._engine, lambda t: _sweep(t, day, rule, after, limit))
        return not done or len(left) > 1


async def forget(transaction: Transaction, day: Day) -> None:
    """Forget how far a day was swept that is there no more."""
    await change_of(transaction, TABLE, "forget", day)


def _text(rule: Rule) -> str:
    return _encode(rule).decode()


def _is_swept(known: _Swept | None, rule: Rule) -> bool:
    return known is not None and known.rule == _text(rule) and known.after_job is None


def _place(known: _Swept | None, rule: Rule) -> tuple[str, int]:
    """Return after which run to go on; another rule begins anew."""
    if known is None or known.rule != _text(rule):
        return "", 0
    return known.after_job or "", known.after_number or 0


async def _sweep(
    transaction: Transaction, day: Day, rule: Rule, after: tuple[str, int], most: int
) -> bool:
    """Delete the next runs that are to go, and note how far that went; tell whether all is done."""
    asked: Values = {
        "products": list(rule.products),
        "only": rule.only,
        "after": after[0],
        "after_number": after[1],
        "looked_at": most * LOOKED_AT,
        "most": most,
    }
    rows = await rows_of(transaction, TABLE, "look", day, asked)
    old = [row for row in rows if row[4]]
    if old:
        await _delete(transaction, day, old)
    # The last is not the day's last: the page was full, or as many were old as may go at once.
    more = bool(rows) and (rows[-1][5] == most * LOOKED_AT or len(old) == most)
    noted: Values = {
        "rule": _text(rule),
        "after": rows[-1][0] if more else None,
        "after_number": rows[-1][1] if more else None,
    }
    await change_of(transaction, TABLE, "note", day, noted)
    return not more


async def _delete(transaction: Transaction, day: Day, old: Sequence[Row]) -> None:
    runs: Values = {
        "jobs": [row[0] for row in old],
        "numbers": [row[1] for row in old],
        "ends": [row[2] for row in old],
    }
    await change_of(transaction, TABLE, "delete", day, runs)
    await free_keys(transaction, (row[0] for row in old if row[3]))
    await delete_steps(transaction, [(row[0], row[1]) for row in old])

"""History by the day: partitions made ahead, taken out and dropped once they are old (SPEC 19).

`history` is parted by how long outcomes are kept, its shares, then by the UTC day on which runs
ended. What ends on a day that has no partition goes to the rest, a partition beside the days.
Whatever takes a lock that others would feel waits for it a tenth of a second at most.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Literal, get_args

import psycopg

from ductape.domain.ids import born_ms
from ductape.stores.postgres.rows.values import Row, Values
from ductape.stores.postgres.server.statements import Statements
from ductape.stores.postgres.server.transaction import NO_VALUES, Transaction

DAY_MS = 86_400_000
"""A day of UTC has no other length, since epoch time knows no leap seconds."""
EVER = 0
"""What ended since then is all that ended."""
CLOCKS_MS = 7_200_000
"""By how much the clocks that made an id and an end may differ: two hours."""
MOST_STRAYS = 10_000
"""How many runs are moved out of the rest while others wait; of a day with more none are."""

Share = Literal["completed", "failed"]
SHARES: tuple[Share, ...] = get_args(Share)
"""The outcomes that are kept equally long: the completed, and the failed and cancelled."""

Place = tuple[str, int]
"""A run's job and number: the order in which a day is gone through."""

Done = Literal["done", "busy", "forbidden"]
"""`busy`: somebody else holds a lock; `forbidden`: this user does not own the tables."""

_BUSY = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.DuplicateTable,
    psycopg.errors.UndefinedTable,
)
"""Somebody is at it, or was faster."""

_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, order=True)
class Day:
    """One partition: what ended on a UTC day with an outcome of a share."""

    starts_ms: int
    share: Share

    @property
    def ends_ms(self) -> int:
        """The first instant of the next day."""
        return self.starts_ms + DAY_MS

    @property
    def name(self) -> str:
        """The table's name."""
        on = date.fromordinal(_EPOCH + self.starts_ms // DAY_MS)
        return f"history_{self.share}_{on:%Y%m%d}"


@dataclass(frozen=True, slots=True)
class Ended:
    """A run of a day that was taken out."""

    job_id: str
    number: int
    has_key: bool


def start_of_day(at_ms: int) -> int:
    """Return the first instant of a UTC day.

    >>> start_of_day(86_400_001)
    86400000
    """
    return at_ms - at_ms % DAY_MS


def days_from(now_ms: int, *, ahead: int) -> list[Day]:
    """Return today's partitions and those of as many days ahead."""
    today = start_of_day(now_ms)
    return [Day(today + at * DAY_MS, share) for at in range(ahead + 1) for share in SHARES]


def ended_from(jobs: Iterable[str]) -> int:
    """Return an instant before which no run of these jobs ended.

    An id tells when its job was made.
    """
    return ended_since(min(map(born_ms, jobs), default=0))


def ended_since(born_ms: int) -> int:
    """Return an instant before which nothing ended that was made at this one or later."""
    return max(born_ms - CLOCKS_MS, EVER)


async def known_days(transaction: Transaction) -> dict[Day, bool]:
    """Return every day that has a table, and whether it is part of history."""
    rows = await transaction.rows("history_days", "known")
    return {_day_of(name): attached for name, attached in rows}


async def make_days(transaction: Transaction, now_ms: int, *, ahead: int) -> None:
    """Make those of today and of some days ahead that are not there."""
    known = await known_days(transaction)
    for day in days_from(now_ms, ahead=ahead):
        if day not in known:
            await make(transaction, day)


async def make(transaction: Transaction, day: Day) -> Done:
    """Make a day's partition and move there what ended on it already."""

    async def made() -> Done:
        [[strays]] = await _rows(transaction, "strays", day, {"most": MOST_STRAYS + 1})
        if strays > MOST_STRAYS:
            return "busy"
        await _execute(transaction, "make", day)
        return "done"

    return await _patiently(transaction, made)


async def detach(transaction: Transaction, day: Day) -> Done:
    """Take a day out of history; its table stays."""
    return await _patiently(transaction, partial(_execute, transaction, "detach", day))


async def keyed(transaction: Transaction, day: Day, *, after: Place, most: int) -> list[Ended]:
    """List the next runs of a day that was taken out."""
    asked: Values = {"after": after[0], "after_number": after[1], "most": most}
    rows = await _rows(transaction, "keyed", day, asked)
    return [Ended(row[0], row[1], has_key=row[2]) for row in rows]


async def drop(transaction: Transaction, day: Day) -> Done:
    """Drop the table of a day that was taken out."""
    return await _patiently(transaction, partial(_execute, transaction, "drop", day))


async def _patiently(transaction: Transaction, work: Callable[[], Awaitable[Done]]) -> Done:
    """Do what takes locks, or nothing at all."""
    change = transaction.change
    await change("history_days", "begin")
    try:
        await change("history_days", "patience")
        return await work()
    except _BUSY:
        await change("history_days", "undo")
        return "busy"
    except psycopg.errors.InsufficientPrivilege:
        await change("history_days", "undo")
        return "forbidden"


async def _execute(transaction: Transaction, name: str, day: Day) -> Done:
    await change_of(transaction, "history_days", name, day)
    return "done"


async def _rows(transaction: Transaction, name: str, day: Day, values: Values) -> list[Row]:
    return await rows_of(transaction, "history_days", name, day, values)


async def change_of(
    transaction: Transaction, table: str, name: str, day: Day, values: Values = NO_VALUES
) -> int:
    """Return how many rows a statement about a day changed."""
    return await transaction.line.change(about(transaction.statements, table, name, day), values)


async def rows_of(
    transaction: Transaction, table: str, name: str, day: Day, values: Values = NO_VALUES
) -> list[Row]:
    """Return every row of the answer of a statement about a day."""
    return await transaction.line.rows(about(transaction.statements, table, name, day), values)


def about(statements: Statements, table: str, name: str, day: Day) -> bytes:
    """Return a statement that names a day: the names and instants are our own."""
    text = statements.named(table, name).decode()
    names = {
        "{day}": day.name,
        "{share}": f"history_{day.share}",
        "{rest}": f"history_{day.share}_rest",
        "{from}": str(day.starts_ms),
        "{until}": str(day.ends_ms),
    }
    for placeholder, said in names.items():
        text = text.replace(placeholder, said)
    return text.encode()


def _day_of(name: str) -> Day:
    _, share, digits = name.split("_")
    on = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    starts_ms = (on.toordinal() - _EPOCH) * DAY_MS
    return Day(starts_ms, "completed" if share == "completed" else "failed")

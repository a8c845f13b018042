"""Moving a whole store into an empty one, and proving that all of it arrived (SPEC 10).

Every table is read in pages and stored page by page. Then both sides are read again and their
tallies compared, so that a change of the origin meanwhile is noticed too. Until that has been
done the target is marked, and cannot be opened: half a copy never works.
"""

from collections.abc import Callable
from typing import TypedDict

from ductape.domain.portable import Shape, Tally
from ductape.errors import Conflict, StoreError
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.copying import Refusal

Progress = Callable[[str, int, int], None]
"""Told of a table, how many of its rows are copied, and how many there were to begin with."""


class CopiedTable(TypedDict):
    """What of one table was copied."""

    table: str
    rows: int
    """As counted on both sides."""


class CopyReport(TypedDict):
    """What was copied, and checked."""

    origin: str
    target: str
    tables: list[CopiedTable]
    rows: int
    keys: list[str]
    """The encryption keys that the sealed values need, newest first; keys are not copied."""


class Side(TypedDict):
    """One of the two stores, and what people call it."""

    name: str
    store: Store


async def copy_store(
    origin: Side, target: Side, *, again: bool, clock: Clock, told: Progress
) -> CopyReport:
    """Copy all of a store's rows and compare both sides; `again` begins a broken copy anew.

    Raises `Conflict` where a worker is live or the target is not empty, and `StoreError` where a
    side cannot be read or written, or where they differ in the end.
    """
    for side in (origin, target):
        await _refuse_workers(side, clock.now_ms())
    await refuse_half_copied(origin["store"], origin["name"])
    shapes = await _same_shapes(origin, target)
    refusal = await target["store"].copying.begin(
        origin["name"], again=again, now_ms=clock.now_ms()
    )
    if refusal is not None:
        raise _not_empty(target, refusal)
    for table in shapes:
        await _copy_table(origin["store"], target["store"], table, told)
    counts = await _compared(origin, target, shapes)
    await target["store"].copying.finish()
    return CopyReport(
        origin=origin["name"],
        target=target["name"],
        tables=[CopiedTable(table=name, rows=count) for name, count in counts.items()],
        rows=sum(counts.values()),
        keys=[*await target["store"].secrets.key_checks()],
    )


async def refuse_half_copied(store: Store, name: str) -> None:
    """Raise `StoreError` for a store that a copy was to fill and did not fill to the end."""
    origin = await store.copying.unfinished()
    if origin is not None:
        raise StoreError(
            f"the store is an unfinished copy of {origin}", path=name, hint=_go_on(origin, name)
        )


async def _refuse_workers(side: Side, now_ms: int) -> None:
    live = await side["store"].fleet.workers(now_ms=now_ms)
    if live:
        last_ms = max(worker.lease_until_ms for worker in live) - now_ms
        raise Conflict(
            f"{side['name']} has {len(live)} live worker(s)",
            path=side["name"],
            hint=f"stop them; the lease of one that died is over within {last_ms / 1_000:.0f} s",
        )


async def _same_shapes(origin: Side, target: Side) -> dict[str, Shape]:
    ours, theirs = await origin["store"].copying.shapes(), await target["store"].copying.shapes()
    differing = sorted(
        name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)
    )
    if differing:
        raise StoreError(
            f"{origin['name']} and {target['name']} differ in the columns of"
            f" {', '.join(differing)}",
            path=target["name"],
            hint="`ductape migrate` both with the same version first",
        )
    return ours


async def _copy_table(origin: Store, target: Store, table: str, told: Progress) -> None:
    total = await origin.copying.count(table)
    done, after = 0, None
    told(table, done, total)
    while rows := (page := await origin.copying.page(table, after=after)).rows:
        await target.copying.load(table, rows)
        done, after = done + len(rows), page.last
        told(table, done, total)


async def _compared(origin: Side, target: Side, shapes: dict[str, Shape]) -> dict[str, int]:
    """Return how many rows each table has, if both sides have the same ones."""
    differing: list[str] = []
    counts: dict[str, int] = {}
    for table, shape in shapes.items():
        ours = await _tally(origin["store"], table, shape)
        theirs = await _tally(target["store"], table, shape)
        counts[table] = ours.count
        if ours != theirs:
            differing.append(f"{table} ({ours.count} rows against {theirs.count})")
    if differing:
        raise StoreError(
            f"the copy differs in {', '.join(differing)}: somebody writes to one of the stores",
            path=target["name"],
            hint=f"stop it, then {_go_on(origin['name'], target['name'])}",
        )
    return counts


async def _tally(store: Store, table: str, shape: Shape) -> Tally:
    tally, after = Tally(), None
    while rows := (page := await store.copying.page(table, after=after)).rows:
        tally, after = tally.plus(shape.columns, rows), page.last
    return tally


def _not_empty(target: Side, refusal: Refusal) -> Conflict:
    if refusal.unfinished is not None:
        return Conflict(
            f"{target['name']} is an unfinished copy of {refusal.unfinished}",
            path=target["name"],
            hint="`--again` empties it and begins anew",
        )
    found = ", ".join(f"{count} in {table}" for table, count in refusal.used.items())
    return Conflict(
        f"{target['name']} is not empty: rows {found}",
        path=target["name"],
        hint="name a new file, database or schema",
    )


def _go_on(origin: str, target: str) -> str:
    return f"`ductape store copy --again {origin} {target}`"

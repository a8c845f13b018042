"""A whole store is copied into an empty one of any kind, and works there (SPEC 10)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ductape.domain.outcome import Success
from ductape.domain.portable import Row
from ductape.errors import Conflict, StoreError
from ductape.ports.stores import Store
from ductape.services.checking import look_over
from ductape.services.copying import CopyReport, Side, copy_store, refuse_half_copied
from tests.builders import NOW_MS, a_new_job, a_wish
from tests.conformance.everything import filled
from tests.conformance.openers import OPENERS, SHARED
from tests.conformance.steps import claimed, hired, last, record, settled, stored

Fresh = Callable[[str], Awaitable[Store]]


class StoppedClock:
    """Always the builders' instant."""

    def now_ms(self) -> int:
        return NOW_MS


@pytest.fixture
async def fresh(place: Path) -> AsyncIterator[Fresh]:
    """Open an empty store of a named kind, as often as asked."""
    opened: list[Store] = []

    async def another(kind: str) -> Store:
        folder = place / f"{place.name}-{len(opened)}"
        folder.mkdir()
        opened.append(await OPENERS[kind](folder, "t"))
        return opened[-1]

    yield another
    for store in opened:
        await store.aclose()


async def copied(origin: Store, target: Store, *, again: bool = False) -> CopyReport:
    return await copy_store(
        Side(name="the origin", store=origin),
        Side(name="the target", store=target),
        again=again,
        clock=StoppedClock(),
        told=lambda *_: None,
    )


async def content(store: Store) -> dict[str, list[Row]]:
    """Return every row of every table, in an order of their own."""
    return {
        table: sorted((await store.copying.page(table, after=None)).rows, key=repr)
        for table in await store.copying.shapes()
    }


async def test_every_store_has_the_same_tables_and_columns(fresh: Fresh) -> None:
    shapes = [await (await fresh(kind)).copying.shapes() for kind in SHARED]
    assert all(shape == shapes[0] for shape in shapes)


async def test_what_is_copied_there_and_back_is_what_it_was(fresh: Fresh) -> None:
    first, second, third = [await fresh(kind) for kind in ("sqlite", "postgres", "sqlite")]
    await filled(first)
    there = await copied(first, second)
    back = await copied(second, third)
    assert there["tables"] == back["tables"]
    assert await content(second) == await content(third)
    without_nul = await content(first)
    assert {t: len(rows) for t, rows in without_nul.items()} == {
        one["table"]: one["rows"] for one in there["tables"]
    }
    assert all(without_nul.values()), "something of everything is copied"


async def test_only_nul_in_what_is_searched_is_lost_on_the_way(fresh: Fresh) -> None:
    first, second = await fresh("sqlite"), await fresh("postgres")
    ids = await filled(first)
    await copied(first, second)
    ours, theirs = await content(first), await content(second)
    differing = [table for table in ours if ours[table] != theirs[table]]
    assert differing == ["runs"]
    before, after = [await record(store, ids["waiting"]) for store in (first, second)]
    assert before == after


async def test_a_copy_within_one_kind_is_the_same_in_every_byte(
    store: Store, fresh: Fresh, request: pytest.FixtureRequest
) -> None:
    kind = request.node.callspec.params["opener"]
    target = await fresh(kind)
    await filled(store)
    await copied(store, target)
    assert await content(store) == await content(target)


async def test_what_waits_runs_on_the_target(store: Store, fresh: Fresh) -> None:
    ids = await filled(store)
    target = await fresh("sqlite")
    await copied(store, target)
    await hired(target, "w1")
    claims = {claim.run.job_id: claim for claim in await claimed(target)}
    assert {ids["waiting"], ids["active"]} <= claims.keys()
    await settled(target, claims[ids["waiting"]], Success(7))
    assert (await last(target, ids["waiting"])).result == 7
    assert (await record(store, ids["waiting"])).last is None


async def test_what_ran_at_the_origin_is_taken_over_on_the_target(
    store: Store, fresh: Fresh
) -> None:
    ids = await filled(store)
    target = await fresh("sqlite")
    await copied(store, target)
    lost = await target.fleet.lost(now_ms=NOW_MS, limit=10)
    assert {claim.run.job_id for claim in lost} == {ids["running"], ids["gated"]}


async def test_pages_meet_every_row_once(store: Store) -> None:
    await filled(store)
    for table in await store.copying.shapes():
        met: list[Row] = []
        page = await store.copying.page(table, after=None, most=2)
        while page.rows:
            assert len(page.rows) <= 2
            met += page.rows
            page = await store.copying.page(table, after=page.last, most=2)
        assert met == (await store.copying.page(table, after=None)).rows
        assert len(met) == await store.copying.count(table)


async def test_the_newest_key_is_still_the_newest_after_a_copy(store: Store, fresh: Fresh) -> None:
    origin = await fresh("sqlite")
    await filled(origin)
    await store.secrets.put_key_check("opened with", b"once", now_ms=NOW_MS)
    assert (await copied(origin, store))["keys"] == ["k2", "k1"]
    await store.secrets.put_key_check("k3", b"check 3", now_ms=NOW_MS)
    assert [*await store.secrets.key_checks()] == ["k3", "k2", "k1"]


async def test_a_store_that_is_in_use_is_not_filled(store: Store, fresh: Fresh) -> None:
    origin = await fresh("sqlite")
    await filled(origin)
    await stored(store, a_new_job())
    await store.secrets.put_key_check("k9", b"check 9", now_ms=NOW_MS)
    before = await content(store)
    with pytest.raises(Conflict, match="not empty: rows 1 in runs"):
        await copied(origin, store, again=True)
    assert await content(store) == before
    await refuse_half_copied(store, "the target")


@pytest.mark.parametrize("working", ["origin", "target"])
async def test_no_worker_may_be_live_on_either_side(
    store: Store, fresh: Fresh, working: str
) -> None:
    sides = {"origin": await fresh("sqlite"), "target": store}
    await hired(sides[working], "w1")
    with pytest.raises(Conflict, match=rf"the {working} has 1 live worker") as caught:
        await copied(sides["origin"], sides["target"])
    assert "within 30 s" in (caught.value.hint or "")


async def test_a_copy_that_stopped_halfway_works_nowhere_until_it_is_made_again(
    store: Store, fresh: Fresh
) -> None:
    origin = await fresh("sqlite")
    await filled(origin)
    with pytest.raises(StoreError, match="the disk is full"):
        await copied(origin, _FullAtLast(store))
    with pytest.raises(StoreError, match="unfinished copy of the origin"):
        await refuse_half_copied(store, "the target")
    with pytest.raises(StoreError, match="unfinished copy"):
        await copied(store, await fresh("sqlite"))
    with pytest.raises(Conflict, match="unfinished copy") as caught:
        await copied(origin, store)
    assert "--again" in (caught.value.hint or "")
    await copied(origin, store, again=True)
    await refuse_half_copied(store, "the target")


async def test_a_change_of_the_origin_meanwhile_is_noticed(store: Store, fresh: Fresh) -> None:
    target = await fresh("sqlite")
    await filled(store)

    class Busy:
        """A store to which somebody writes while it is copied."""

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        @property
        def copying(self) -> object:
            return _Busy()

    class _Busy:
        def __getattr__(self, name: str) -> object:
            return getattr(store.copying, name)

        async def page(self, table: str, *, after: object) -> object:
            page = await store.copying.page(table, after=after)
            if table == "sessions" and not page.rows:
                await store.secrets.put("orders", "", "token", b"new", now_ms=NOW_MS)
            return page

    with pytest.raises(StoreError, match="differs in secrets"):
        await copied(Busy(), target)


async def test_a_used_store_is_sound(store: Store) -> None:
    await filled(store)
    await hired(store, "w1")
    await claimed(store, a_wish(slots=1))
    assert await look_over(store) == []


async def test_what_should_not_be_is_found(store: Store) -> None:
    ids = await filled(store)
    copying = store.copying
    shape = (await copying.shapes())["runs"]
    rows = (await copying.page("runs", after=None)).rows
    by_id = {
        row[shape.columns.index("job_id")]: dict(zip(shape.columns, row, strict=True))
        for row in rows
    }
    twice = {**by_id[ids["waiting"]], "number": 2}
    ended = {
        **by_id[ids["later"]],
        "job_id": ids["ended"],
        "number": 1,
        "worker": None,
        "state": "running",
    }
    orphan = {**by_id[ids["active"]], "job_id": "nobody"}
    await copying.load(
        "runs", [tuple(row[c] for c in shape.columns) for row in (twice, ended, orphan)]
    )
    found = {(one["rule"], one["job_id"]) for one in await look_over(store)}
    assert found == {
        ("two_live_runs", ids["waiting"]),
        ("live_and_ended", ids["ended"]),
        ("in_no_hands", ids["ended"]),
        ("no_recurrence", "nobody"),
    }


class _FullAtLast:
    """A store whose disk is full before the last table."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.copying = _FullCopying(store)

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


class _FullCopying:
    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store.copying, name)

    async def load(self, table: str, rows: object) -> None:
        if table == "sessions":
            raise StoreError("the disk is full")
        await self._store.copying.load(table, rows)

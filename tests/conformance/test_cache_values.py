"""What every store must do when somebody looks into a cache, or empties it."""

from ductape.domain.change import CacheEntry
from ductape.domain.outcome import Success
from ductape.domain.settlement import with_cache
from ductape.ports.stores import Store
from ductape.ports.stores.memory import CacheValue, Fresh, Selection
from tests.builders import NOW_MS, a_new_job, an_entry, decide
from tests.conformance.steps import claimed_one, hired, stored


async def remembered(store: Store, *entries: CacheEntry, now_ms: int = NOW_MS) -> None:
    """Leave each entry's own key as its result."""
    for entry in entries:
        await stored(store, a_new_job())
        done = decide(await claimed_one(store), Success(entry.key.decode()), now_ms)
        await store.claims.settle([with_cache(done, entry)], now_ms=now_ms)


async def results(
    store: Store, *, event: str | None = None, kind: str | None = None, now_ms: int = NOW_MS
) -> list[object]:
    selection = Selection("orders", "quotes", event, kind)
    found = await store.memory.values(selection, now_ms=now_ms)
    return [entry.result for entry in found]


async def test_an_entry_is_shown_with_all_that_is_known_of_it(store: Store) -> None:
    await hired(store, "w1")
    await remembered(store, an_entry(b"a", expires_ms=NOW_MS + 9), now_ms=NOW_MS + 5)
    found = await store.memory.values(Selection("orders", "quotes"), now_ms=NOW_MS)
    assert found == [CacheValue("orders", "quotes", "ship", "job", "a", NOW_MS + 5, NOW_MS + 9)]


async def test_entries_are_shown_newest_first(store: Store) -> None:
    await hired(store, "w1")
    for key, at in ((b"a", 1), (b"b", 3), (b"c", 2)):
        await remembered(store, an_entry(key), now_ms=NOW_MS + at)
    assert await results(store) == ["b", "c", "a"]


async def test_expired_entries_are_not_shown(store: Store) -> None:
    await hired(store, "w1")
    entries = [an_entry(key, expires_ms=NOW_MS + at) for key, at in ((b"a", 1), (b"b", 2))]
    await remembered(store, *entries)
    assert await results(store, now_ms=NOW_MS + 1) == ["b"]


async def test_one_cache_of_one_product_is_shown(store: Store) -> None:
    await hired(store, "w1")
    strangers = [an_entry(b"b", tag="rates"), an_entry(b"c", product="other")]
    await remembered(store, an_entry(b"a"), *strangers)
    assert await results(store) == ["a"]


async def test_entries_are_narrowed_to_an_event_and_a_kind(store: Store) -> None:
    await hired(store, "w1")
    await remembered(
        store,
        an_entry(b"a"),
        an_entry(b"b", event="bill"),
        an_entry(b"c", event="bill", kind="action"),
    )
    assert sorted(map(str, await results(store, event="bill"))) == ["b", "c"]
    assert await results(store, event="bill", kind="action") == ["c"]
    assert await results(store, kind="storage") == []


async def test_clearing_forgets_one_cache_of_one_product(store: Store) -> None:
    await hired(store, "w1")
    strangers = [an_entry(b"c", tag="rates"), an_entry(b"d", product="other")]
    await remembered(store, an_entry(b"a"), an_entry(b"b"), *strangers)
    assert await store.memory.clear(Selection("orders", "quotes")) == 2
    assert await results(store) == []
    for product, tag in (("orders", "rates"), ("other", "quotes")):
        left = await store.memory.values(Selection(product, tag), now_ms=NOW_MS)
        assert len(left) == 1
    assert await store.memory.clear(Selection("orders", "quotes")) == 0


async def test_clearing_forgets_what_the_same_selection_shows(store: Store) -> None:
    await hired(store, "w1")
    await remembered(
        store,
        an_entry(b"a"),
        an_entry(b"b", event="bill"),
        an_entry(b"c", event="bill", kind="action"),
    )
    clear = store.memory.clear
    assert await clear(Selection("orders", "quotes", event="nothing-such")) == 0
    assert await clear(Selection("orders", "quotes", event="bill", kind="action")) == 1
    assert sorted(map(str, await results(store))) == ["a", "b"]
    assert await clear(Selection("orders", "quotes", kind="job")) == 2


async def test_entries_are_narrowed_to_those_that_live_long_enough(store: Store) -> None:
    await hired(store, "w1")
    entries = [an_entry(key, expires_ms=NOW_MS + at) for key, at in ((b"a", 5), (b"b", 9))]
    await remembered(store, *entries)
    long = Selection("orders", "quotes", until_ms=NOW_MS + 6)
    assert [one.result for one in await store.memory.values(long, now_ms=NOW_MS)] == ["b"]
    assert await store.memory.clear(long) == 1
    assert await results(store) == ["a"]


async def test_what_no_run_leads_is_remembered_until_it_is_stale(store: Store) -> None:
    entry = an_entry(b"step", expires_ms=NOW_MS + 9)
    assert await store.memory.fresh("orders", b"step", now_ms=NOW_MS) is None
    await store.memory.leave(entry, {"n": 1}, now_ms=NOW_MS)
    await store.memory.leave(entry, {"n": 2}, now_ms=NOW_MS)
    assert await store.memory.fresh("orders", b"step", now_ms=NOW_MS + 8) == Fresh({"n": 2})
    assert await store.memory.fresh("orders", b"step", now_ms=NOW_MS + 9) is None
    assert await results(store) == [{"n": 2}]

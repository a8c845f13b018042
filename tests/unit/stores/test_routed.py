"""Several stores that look like one: which one is asked, and what is remembered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape.domain.limits.rate import Rate
from ductape.domain.operations import cancel
from ductape.errors import StoreError, ValidationError
from ductape.ports.stores import Store
from ductape.ports.stores.reading import JobFilter
from ductape.stores.routed import places
from ductape.stores.routed.store import RoutedStore
from ductape.stores.sqlite.store import open_sqlite
from tests.builders import NOW_MS, ZONES, a_new_job, a_spec, a_wish, a_worker, decide

ROUTES = {"orders": "eu", "mail": "us"}


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[dict[str, Store]]:
    opened: dict[str, Store] = {
        name: open_sqlite(str(tmp_path / name), decide=decide, token=name, inline=True)
        for name in ("default", "eu", "us")
    }
    yield opened
    for store in opened.values():
        await store.aclose()


@pytest.fixture
def routed(stores: dict[str, Store]) -> RoutedStore:
    return RoutedStore(stores, ROUTES)


async def added(store: RoutedStore, *products: str) -> list[str]:
    """Store one job for each product; return their ids."""
    made: list[str] = []
    for product in products:
        job = a_new_job(a_spec(product=product))
        made += [one.job_id for one in await store.intake.add([job], now_ms=NOW_MS)]
    return made


async def test_a_job_goes_where_its_product_s_route_leads(
    routed: RoutedStore, stores: dict[str, Store]
) -> None:
    jobs = await added(routed, "orders", "mail", "other")
    for job, name in zip(jobs, ("eu", "us", "default"), strict=True):
        assert await stores[name].reading.get(job) is not None


async def test_where_a_job_was_stored_is_not_asked_again(
    routed: RoutedStore, stores: dict[str, Store]
) -> None:
    [job] = await added(routed, "orders")
    await stores["us"].aclose()
    found = await routed.reading.get(job)
    assert found is not None
    assert found.spec.product == "orders"


async def test_a_job_is_looked_for_in_every_store_and_then_remembered(
    routed: RoutedStore, stores: dict[str, Store]
) -> None:
    [job] = await added(routed, "orders")
    again = RoutedStore(stores, ROUTES)
    assert await again.reading.get(job) == await stores["eu"].reading.get(job)
    await stores["us"].aclose()
    assert await again.reading.run(job, 1) is not None


async def test_a_job_that_was_moved_is_found_anew(
    routed: RoutedStore, stores: dict[str, Store]
) -> None:
    job = a_new_job(a_spec(product="orders"))
    await stores["us"].intake.add([job], now_ms=NOW_MS)
    routed._places.remember(job.job_id, stores["eu"])
    assert await routed.reading.get(job.job_id) is not None
    assert await routed._places.of_job(job.job_id) is stores["us"]


async def test_only_so_many_places_are_remembered(
    routed: RoutedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MOST_REMEMBERED", 2)
    jobs = await added(routed, "orders", "mail", "orders")
    assert [*routed._places._found] == jobs[1:]


async def test_a_job_that_may_be_in_a_store_out_of_reach_is_not_said_to_be_nowhere(
    routed: RoutedStore, stores: dict[str, Store]
) -> None:
    await stores["eu"].aclose()
    with pytest.raises(StoreError, match="closed"):
        await routed.reading.get("01900000-0000-7000-8000-000000000000")


async def test_a_list_of_all_jobs_is_whole_or_fails(
    routed: RoutedStore, stores: dict[str, Store]
) -> None:
    jobs = await added(routed, "orders", "other", "mail", "other")
    listed = await routed.reading.many(JobFilter(), limit=3, before=None)
    assert [record.job_id for record in listed] == jobs[:0:-1]
    await stores["us"].aclose()
    with pytest.raises(StoreError, match="closed"):
        await routed.reading.many(JobFilter(), limit=3, before=None)
    listed = await routed.reading.many(JobFilter(product="orders"), limit=3, before=None)
    assert [record.job_id for record in listed] == jobs[:1]


async def test_settlements_of_several_stores_are_answered_in_their_order(
    routed: RoutedStore,
) -> None:
    ends = []
    for job in await added(routed, "orders", "mail", "other"):
        record = await routed.reading.get(job)
        assert record is not None
        end = cancel(record, None, run_only=False, now_ms=NOW_MS, zones=ZONES)
        assert end is not None
        ends.append(end)
    assert await routed.claims.settle(ends[:2], now_ms=NOW_MS) == ["recorded"] * 2
    answers = await routed.claims.settle([ends[2], ends[0]], now_ms=NOW_MS)
    assert answers == ["recorded", "fenced"]


async def test_a_batch_for_several_stores_stores_nothing(routed: RoutedStore) -> None:
    batch = [a_new_job(a_spec(product=product)) for product in ("orders", "mail")]
    with pytest.raises(ValidationError, match="`mail`, `orders`"):
        await routed.intake.add(batch, now_ms=NOW_MS)
    assert await routed.reading.many(JobFilter(), limit=9, before=None) == []
    assert await routed.intake.add([], now_ms=NOW_MS) == []


async def test_a_hint_about_known_jobs_goes_to_their_stores_alone(
    routed: RoutedStore, stores: dict[str, Store]
) -> None:
    heard: list[str] = []
    for name, store in stores.items():
        store.wake.listen(lambda *_, name=name: heard.append(name))
    [job] = await added(routed, "orders")
    routed.wake.tell("settled", [job])
    assert heard == ["eu"]
    heard.clear()
    routed.wake.tell("settled", [job, "unknown"])
    assert heard == ["default", "eu", "us"]
    heard.clear()
    routed.wake.tell("work")
    assert heard == ["default", "eu", "us"]


async def test_whoever_listens_hears_of_every_store_until_they_leave(
    routed: RoutedStore, stores: dict[str, Store]
) -> None:
    heard: list[str] = []
    leave = routed.wake.listen(lambda hint, _: heard.append(hint))
    stores["us"].wake.tell("work")
    leave()
    stores["eu"].wake.tell("work")
    assert heard == ["work"]


async def test_what_belongs_to_one_store_is_refused_with_a_way_out(routed: RoutedStore) -> None:
    with pytest.raises(StoreError, match="a worker belongs to one store") as caught:
        await routed.claims.turn(a_wish(), [], now_ms=NOW_MS)
    assert "--store URL" in (caught.value.hint or "")
    with pytest.raises(StoreError, match="belongs to one store"):
        await routed.fleet.register(a_worker(), now_ms=NOW_MS, lease_ms=1)
    for part in ("upkeep", "copying", "checking"):
        with pytest.raises(StoreError, match="belongs to one store"):
            getattr(routed, part)


async def test_the_newest_key_is_the_default_store_s(
    routed: RoutedStore, stores: dict[str, Store]
) -> None:
    await stores["us"].secrets.put_key_check("k1", b"1", now_ms=NOW_MS)
    for key in ("k1", "k2"):
        await stores["default"].secrets.put_key_check(key, key.encode(), now_ms=NOW_MS)
    assert [*await routed.secrets.key_checks()] == ["k2", "k1"]


async def test_a_queue_is_held_back_in_every_store_and_counted_over_all(
    routed: RoutedStore, stores: dict[str, Store]
) -> None:
    await added(routed, "orders", "mail", "mail")
    assert await routed.queues.pause("default", paused=True)
    assert not await routed.queues.pause("default", paused=True)
    await routed.queues.set_concurrency("default", 5)
    await routed.queues.set_rate("default", Rate(9, 1_000))
    await stores["us"].queues.set_concurrency("default", 2)
    await stores["us"].queues.set_rate("default", Rate(8, 1_000))
    [queue] = await routed.queues.all(now_ms=NOW_MS)
    assert (queue.paused, queue.queued, queue.concurrency) == (True, 3, 2)
    assert queue.rate == Rate(8, 1_000)
    for store in stores.values():
        assert [one.paused for one in await store.queues.all(now_ms=NOW_MS)] == [True]

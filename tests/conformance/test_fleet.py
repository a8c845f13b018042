"""What every store must do with workers: their leases, and the handlers that they announce."""

import pytest

from ductape.ports.stores import Store
from tests.builders import LEASE_MS, NOW_MS, a_worker
from tests.conformance.steps import hired

DAY_MS = 86_400_000


async def names(store: Store, *, now_ms: int = NOW_MS) -> list[str]:
    return [worker.id for worker in await store.fleet.workers(now_ms=now_ms)]


async def announced(store: Store, worker: str, *handlers: str, now_ms: int = NOW_MS) -> None:
    """Register a worker with handlers."""
    record = a_worker(worker, handlers=handlers)
    await store.fleet.register(record, now_ms=now_ms, lease_ms=LEASE_MS)


def beat(store: Store, worker: str, *, now_ms: int) -> bool:
    pulse = store.fleet.pulse()
    try:
        return pulse.beat(worker, now_ms=now_ms, lease_ms=LEASE_MS)
    finally:
        pulse.close()


async def test_a_worker_is_listed_as_it_announced_itself(store: Store) -> None:
    worker = a_worker(
        "w1", queues=("mail", "slow"), handlers=("job:a", "job:b"), host="häuschen", pid=77
    )
    await store.fleet.register(worker, now_ms=NOW_MS, lease_ms=LEASE_MS)
    [found] = await store.fleet.workers(now_ms=NOW_MS)
    assert found.lease_until_ms == NOW_MS + LEASE_MS
    assert (found.id, found.host, found.pid, found.concurrency) == ("w1", "häuschen", 77, 10)
    assert (found.queues, found.handlers) == (("mail", "slow"), ("job:a", "job:b"))
    assert found.started_at_ms == NOW_MS


async def test_workers_are_listed_in_the_order_they_started(store: Store) -> None:
    for worker, at in (("w1", 3), ("w2", 1), ("w3", 2)):
        await store.fleet.register(
            a_worker(worker, started_at_ms=NOW_MS + at), now_ms=NOW_MS, lease_ms=LEASE_MS
        )
    assert await names(store) == ["w2", "w3", "w1"]


async def test_a_worker_whose_lease_has_passed_is_not_listed(store: Store) -> None:
    await hired(store, "w1")
    assert await names(store, now_ms=NOW_MS + LEASE_MS) == ["w1"]
    assert await names(store, now_ms=NOW_MS + LEASE_MS + 1) == []


async def test_a_worker_that_left_is_not_listed(store: Store) -> None:
    await hired(store, "w1", "w2")
    await store.fleet.leave("w1")
    await store.fleet.leave("nobody")
    assert await names(store) == ["w2"]


async def test_a_beat_renews_the_lease(store: Store) -> None:
    await hired(store, "w1")
    assert beat(store, "w1", now_ms=NOW_MS + LEASE_MS)
    assert await names(store, now_ms=NOW_MS + 2 * LEASE_MS) == ["w1"]


async def test_a_lease_that_has_run_out_is_never_renewed(store: Store) -> None:
    await hired(store, "w1")
    assert not beat(store, "w1", now_ms=NOW_MS + LEASE_MS + 1)
    assert not beat(store, "w1", now_ms=NOW_MS + LEASE_MS + 1)
    assert await names(store, now_ms=NOW_MS + LEASE_MS + 1) == []


@pytest.mark.parametrize("worker", ["w1", "nobody"])
async def test_a_worker_that_is_not_on_the_list_has_no_lease_to_renew(
    store: Store, worker: str
) -> None:
    await hired(store, "w1")
    await store.fleet.leave("w1")
    assert not beat(store, worker, now_ms=NOW_MS)


async def test_a_beat_renews_one_lease_alone(store: Store) -> None:
    await hired(store, "w1", "w2")
    beat(store, "w1", now_ms=NOW_MS + 5)
    assert await names(store, now_ms=NOW_MS + LEASE_MS + 1) == ["w1"]


async def test_an_announced_handler_is_known(store: Store) -> None:
    await announced(store, "w1", "job:a", "job:b")
    asked = frozenset({"job:a", "job:c"})
    assert await store.fleet.known_handlers(asked) == {"job:a"}
    assert await store.fleet.known_handlers(frozenset()) == frozenset()


async def test_a_handler_stays_known_when_its_worker_has_gone(store: Store) -> None:
    await announced(store, "w1", "job:a")
    await store.fleet.leave("w1")
    await announced(store, "w2", "job:b")
    asked = frozenset({"job:a", "job:b"})
    assert await store.fleet.known_handlers(asked) == asked


async def test_a_handler_stays_known_when_all_its_workers_have_gone(store: Store) -> None:
    for worker in ("w1", "w2", "w3"):
        await announced(store, worker, "job:a")
    for worker in ("w1", "w2", "w3"):
        await store.fleet.leave(worker)
    await announced(store, "w4")
    assert await store.fleet.known_handlers(frozenset({"job:a"})) == {"job:a"}


async def test_a_handler_stays_known_years_after_its_worker_died(store: Store) -> None:
    await announced(store, "w1", "job:a")
    for year in range(1, 4):
        await announced(store, f"y{year}", now_ms=NOW_MS + year * 365 * DAY_MS)
    assert await store.fleet.known_handlers(frozenset({"job:a"})) == {"job:a"}


async def test_a_new_worker_under_the_same_handlers_replaces_none_that_lives(
    store: Store,
) -> None:
    await announced(store, "w1", "job:a")
    await announced(store, "w2", "job:a")
    found = await store.fleet.workers(now_ms=NOW_MS)
    assert [worker.handlers for worker in found] == [("job:a",), ("job:a",)]

"""What every store must tell of itself: what waits, up to a bound, and what is quarantined."""

import time

from msgspec.structs import replace

from ductape.ports.stores import Store
from ductape.ports.stores.inspecting import PostgresFacts, Quarantined, SqliteFacts, Waiting
from tests.builders import NOW_MS, a_new_job, a_recurring_job, a_spec, a_wish
from tests.conformance.steps import claimed, hired, lost, stored

DAY_MS = 86_400_000


async def waiting(store: Store, *, now_ms: int = NOW_MS) -> list[Waiting]:
    return [*(await store.inspecting.facts(now_ms=now_ms)).waiting]


async def test_an_empty_store_has_nothing_waiting(store: Store) -> None:
    facts = await store.inspecting.facts(now_ms=NOW_MS)
    assert (facts.waiting, facts.quarantined) == ((), ())


async def test_what_waits_is_told_by_queue_and_by_what_it_needs(store: Store) -> None:
    first = await stored(store, a_new_job(a_spec(queue="mail")), a_new_job(a_spec(queue="mail")))
    [ship] = await stored(store, a_new_job(a_spec(needs="job:ship")))
    assert await waiting(store) == [
        Waiting("default", "job:ship", 1, at_least=False, oldest_due_ms=NOW_MS, example=ship),
        Waiting("mail", None, 2, at_least=False, oldest_due_ms=NOW_MS, example=first[0]),
    ]


async def test_what_is_due_waits_although_no_worker_has_promoted_it(store: Store) -> None:
    [early] = await stored(store, a_new_job(due_ms=NOW_MS + 5))
    await stored(store, a_new_job(due_ms=NOW_MS + 50))
    assert await waiting(store) == []
    assert await waiting(store, now_ms=NOW_MS + 10) == [
        Waiting("default", None, 1, at_least=False, oldest_due_ms=NOW_MS + 5, example=early)
    ]


async def test_what_runs_does_not_wait_but_what_was_lost_does(store: Store) -> None:
    await stored(store, a_new_job())
    await hired(store, "w1")
    [claim] = await claimed(store, a_wish())
    assert await waiting(store) == []
    await lost(store, claim)
    assert [one.count for one in await waiting(store, now_ms=NOW_MS + DAY_MS)] == [1]


async def test_paused_queues_are_told(store: Store) -> None:
    await store.queues.pause("mail", paused=True)
    await store.queues.set_concurrency("slow", 3)
    assert (await store.inspecting.facts(now_ms=NOW_MS)).paused == {"mail"}


async def test_of_a_long_queue_the_count_ends_at_its_bound_and_hides_nobody(store: Store) -> None:
    many = [a_new_job(a_spec(needs="job:a")) for _ in range(1_200)]
    old = a_new_job(a_spec(needs="job:b", priority=-5), due_ms=NOW_MS - DAY_MS)
    await store.intake.add([*many, old], now_ms=NOW_MS)
    first, second = await waiting(store)
    assert (first.needs, first.count, first.at_least) == ("job:a", 1_000, True)
    assert second == Waiting("default", "job:b", 1, False, NOW_MS - DAY_MS, old.job_id)


async def test_a_recurrence_that_cannot_be_computed_is_told_of(store: Store) -> None:
    job = a_recurring_job()
    assert job.schedule is not None
    faulty = replace(job, run=None, schedule=replace(job.schedule, fault="no zone Mars/Base"))
    await stored(store, faulty, a_recurring_job())
    facts = await store.inspecting.facts(now_ms=NOW_MS)
    assert facts.quarantined == (Quarantined(job.job_id, "ship", "no zone Mars/Base"),)


async def test_a_store_tells_of_its_database(store: Store) -> None:
    await stored(store, a_new_job())
    match (await store.inspecting.facts(now_ms=NOW_MS)).engine:
        case PostgresFacts() as server:
            assert int(server.version.split(".")[0]) >= 15
            assert not server.read_only
            assert 0 < server.connections < server.most_connections
            assert {"runs", "history", "schedules"} <= {table.name for table in server.tables}
            assert server.holders == ()
        case SqliteFacts() as file:
            assert file.version >= (3, 51, 3)
            assert (file.journal_mode, file.synchronous) == ("wal", 2)
            assert file.file_bytes > 0
            assert file.disk_free_bytes > 0


async def test_a_server_tells_its_time(store: Store) -> None:
    there_ms = await store.inspecting.server_now_ms()
    assert there_ms is None or abs(there_ms - time.time() * 1000) < 10_000

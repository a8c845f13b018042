"""What every store must do when jobs are looked at: one at a time, their runs, their states."""

import pytest
from msgspec.structs import replace

from ductape.domain.change import Settlement
from ductape.domain.operations import cancel, extra_run, pause, retry
from ductape.domain.outcome import Cancelled, Outcome, Success
from ductape.domain.request import Repeat
from ductape.domain.settlement import run_ref
from ductape.ports.stores import Store
from ductape.ports.stores.memory import Follows
from ductape.ports.stores.reading import JobFilter
from tests.builders import (
    NOW_MS,
    ZONES,
    a_failure,
    a_new_job,
    a_recurring_job,
    a_spec,
)
from tests.conformance.steps import (
    applied,
    claimed,
    claimed_one,
    hired,
    led,
    record,
    schedule,
    settled,
    stored,
)


async def shows(store: Store, job_id: str) -> str:
    """Tell a job's status, having made sure that the list agrees with the job itself."""
    status = (await record(store, job_id)).status
    found = await store.reading.many(JobFilter(status=status), limit=99, before=None)
    assert job_id in [one.job_id for one in found]
    return status


async def test_an_unknown_job_is_none(store: Store) -> None:
    assert await store.reading.get("nobody") is None
    assert await store.reading.run("nobody", 1) is None
    assert await store.reading.history("nobody", limit=9) == []


async def test_jobs_are_found_by_their_keys_in_one_look(store: Store) -> None:
    specs = [a_spec(key="a"), a_spec(key="b"), a_spec(key="a", env="dev")]
    a, b, other = await stored(store, *(a_new_job(spec=spec) for spec in specs))
    env = specs[0].env
    keys = [(env, "b"), (env, "nobody"), (env, "a"), (env, "b"), ("dev", "b")]
    found = await store.reading.keyed("orders", keys)
    assert {(one.env, one.key): one.record.job_id for one in found} == {
        (env, "a"): a,
        (env, "b"): b,
    }
    assert len(found) == 2
    for one in found:
        assert one.holder == await store.intake.holder("orders", one.env, one.key)
        assert one.record == await record(store, one.holder.job_id)
    [in_dev] = await store.reading.keyed("orders", [("dev", "a")])
    assert in_dev.record.job_id == other
    assert await store.reading.keyed("nobody", keys) == []
    assert await store.reading.keyed("orders", []) == []


async def test_a_job_due_later_is_scheduled(store: Store) -> None:
    [job_id] = await stored(store, a_new_job(due_ms=NOW_MS + 1))
    assert await shows(store, job_id) == "scheduled"


async def test_a_job_that_is_due_is_queued(store: Store) -> None:
    [job_id] = await stored(store, a_new_job())
    assert await shows(store, job_id) == "queued"


async def test_a_claimed_job_is_running(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    await claimed_one(store)
    assert await shows(store, job_id) == "running"


async def test_a_job_that_waits_for_a_cache_leader_is_queued(store: Store) -> None:
    await hired(store, "w1")
    jobs = await stored(store, a_new_job(), a_new_job())
    leader, follower = await claimed(store)
    await led(store, leader)
    assert isinstance(
        await store.memory.recall(run_ref(follower.run), b"key", now_ms=NOW_MS), Follows
    )
    assert {await shows(store, job_id) for job_id in jobs} == {"running", "queued"}


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Success(1), "completed"), (a_failure(), "failed"), (Cancelled(None), "cancelled")],
)
async def test_an_ended_job_shows_how_it_ended(store: Store, outcome: Outcome, status: str) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    await settled(store, await claimed_one(store), outcome)
    assert await shows(store, job_id) == status


async def test_a_job_between_two_attempts_is_scheduled(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job(a_spec(retries=1)))
    await settled(store, await claimed_one(store), a_failure())
    assert await shows(store, job_id) == "scheduled"


async def test_a_reopened_job_shows_its_new_run_and_its_last_word(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    await settled(store, await claimed_one(store), a_failure())
    await applied(store, retry(await record(store, job_id), delay_ms=0, now_ms=NOW_MS, zones=ZONES))
    found = await record(store, job_id)
    assert (found.live and found.live.number, found.last and found.last.number) == (2, 1)
    assert await shows(store, job_id) == "queued"


async def test_a_recurring_job_is_scheduled_between_runs(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_recurring_job())
    await settled(store, await claimed_one(store), Success(1))
    assert await shows(store, job_id) == "scheduled"


async def test_a_recurring_job_shows_its_live_run(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_recurring_job())
    assert await shows(store, job_id) == "queued"
    await claimed_one(store)
    assert await shows(store, job_id) == "running"


async def test_a_recurring_job_without_a_live_run_is_scheduled(store: Store) -> None:
    [job_id] = await stored(store, replace(a_recurring_job(), run=None))
    assert await shows(store, job_id) == "scheduled"


async def test_a_paused_job_shows_so_at_once(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_recurring_job())
    await claimed_one(store)
    await applied(store, pause(await record(store, job_id), now_ms=NOW_MS, zones=ZONES))
    assert await shows(store, job_id) == "paused"


async def test_a_recurrence_at_its_end_is_completed(store: Store) -> None:
    await hired(store, "w1")
    spec = a_spec(repeat=Repeat(every_ms=1_000, limit=1))
    [job_id] = await stored(store, a_recurring_job(spec))
    await settled(store, await claimed_one(store), a_failure())
    assert await shows(store, job_id) == "completed"


async def test_a_cancelled_recurrence_whose_run_is_under_way_is_running(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_recurring_job())
    await claimed_one(store)
    read = await record(store, job_id)
    await applied(store, cancel(read, None, run_only=False, now_ms=NOW_MS, zones=ZONES))
    assert await shows(store, job_id) == "running"


async def test_an_extra_run_of_an_ended_recurrence_shows(store: Store) -> None:
    await hired(store, "w1")
    spec = a_spec(repeat=Repeat(every_ms=1_000, limit=1))
    [job_id] = await stored(store, a_recurring_job(spec))
    await settled(store, await claimed_one(store), Success(1))
    await applied(store, extra_run(await record(store, job_id), now_ms=NOW_MS, zones=ZONES))
    assert await shows(store, job_id) == "queued"


async def test_history_is_shown_newest_first_and_no_more_than_asked_for(store: Store) -> None:
    await hired(store, "w1")
    spec = a_spec(repeat=Repeat(every_ms=1_000))
    [job_id] = await stored(store, a_recurring_job(spec))
    for at in range(12):
        now_ms = NOW_MS + at * 1_000
        await settled(store, await claimed_one(store, now_ms=now_ms), Success(at), now_ms=now_ms)
    found = await store.reading.history(job_id, limit=11)
    assert [(run.number, run.result) for run in found] == [(at + 1, at) for at in range(11, 0, -1)]
    assert (await record(store, job_id)).last == found[0]


async def test_runs_that_were_cancelled_under_way_are_counted(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_recurring_job(a_spec(repeat=Repeat(every_ms=1_000))))
    for at, outcome in enumerate((Cancelled(None), Success(1), Cancelled(None), a_failure())):
        now_ms = NOW_MS + at * 1_000
        await settled(store, await claimed_one(store, now_ms=now_ms), outcome, now_ms=now_ms)
    found = await record(store, job_id)
    never_began = cancel(found, None, run_only=True, now_ms=NOW_MS + 3_001, zones=ZONES)
    await applied(store, never_began)
    assert await store.reading.cancelled(job_id) == 2
    assert await store.reading.cancelled("nobody") == 0


async def test_one_run_is_found_by_its_number(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_recurring_job())
    await settled(store, await claimed_one(store), Success(1))
    found = await record(store, job_id)
    assert await store.reading.run(job_id, 1) == found.last
    assert await store.reading.run(job_id, 2) == found.live
    assert await store.reading.run(job_id, 3) is None


async def test_a_job_tells_when_it_last_changed(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_recurring_job(), now_ms=NOW_MS)
    assert (await record(store, job_id)).updated_at_ms == NOW_MS
    claim = await claimed_one(store, now_ms=NOW_MS + 1)
    assert (await record(store, job_id)).updated_at_ms == NOW_MS + 1
    await settled(store, claim, Success(1), now_ms=NOW_MS + 2)
    assert (await record(store, job_id)).updated_at_ms == NOW_MS + 2
    moved = replace(await schedule(store, job_id), version=3)
    await applied(store, Settlement(job_id=job_id, schedule=moved), now_ms=NOW_MS + 9)
    assert (await record(store, job_id)).updated_at_ms == NOW_MS + 9


async def test_a_reader_sees_a_job_as_soon_as_it_is_stored(store: Store) -> None:
    for _ in range(50):
        [job_id] = await stored(store, a_new_job())
        assert await store.reading.get(job_id) is not None

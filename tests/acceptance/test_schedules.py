"""Schedules: recurring jobs that the product's document declares, kept by applying it (SPEC 8)."""

import asyncio
from typing import cast

from ductape import Ductape, Handlers, WorkerOptions
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.wire import JobView

EAGER = WorkerOptions(lease_ms=600, grace_ms=200, upkeep_ms=100)
DAY = 86_400_000
NIGHTLY: JsonObject = {
    "tag": "nightly",
    "event": "report",
    "input": {"of": "yesterday"},
    "repeat": {"cron": "0 3 * * *", "tz": "Europe/Amsterdam"},
}


def product(*schedules: JsonObject, **sections: JsonValue) -> JsonObject:
    return {
        "tag": "shop",
        "envs": [{"slug": "dev"}, {"slug": "prd"}],
        "jobs": [{"tag": tag, "handler": "python"} for tag in ("report", "other")],
        "schedules": [*schedules],
        **sections,
    }


def only(env: str = "dev", **fields: JsonValue) -> JsonObject:
    """Declare the nightly report in one env."""
    return {**NIGHTLY, "envs": [{"slug": env, **fields}]}


async def jobs_of(ductape: Ductape, tag: str = "nightly") -> dict[str, JobView]:
    found = await ductape.jobs.list(metadata={"schedule": tag})
    return {job["env"]: job for job in found}


async def the_job(ductape: Ductape) -> JobView:
    (job,) = (await jobs_of(ductape)).values()
    return job


async def test_a_schedule_is_a_recurring_job_in_every_env(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        applied = await ductape.products.apply(product(NIGHTLY))
        jobs = await jobs_of(ductape)
    assert [(one["op"], one["tag"], one["env"]) for one in applied["schedules"]] == [
        ("created", "nightly", "dev"),
        ("created", "nightly", "prd"),
    ]
    assert {one["job_id"] for one in applied["schedules"]} == {job["id"] for job in jobs.values()}
    job = jobs["prd"]
    assert (job["event"], job["recurring"], job["cron"], job["tz"], job["status"]) == (
        "report",
        True,
        "0 3 * * *",
        "Europe/Amsterdam",
        "scheduled",
    )
    assert (job["input"], job["retries"]) == ({"of": "yesterday"}, 0)


async def test_what_an_env_gives_wins_there_and_only_listed_envs_run_it(store: str) -> None:
    whole: JsonObject = {
        **NIGHTLY,
        "retries": 3,
        "queue": "slow",
        "priority": 7,
        "timeout": 5_000,
        "metadata": {"team": "books"},
        "onLost": "fail",
        "retryConfig": {"initialDelay": 10},
        "envs": [
            {"slug": "dev", "input": {}, "repeat": {"every": DAY}, "priority": 0},
            {"slug": "prd"},
        ],
    }
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(whole, {**only(), "tag": "rare"}))
        jobs = await jobs_of(ductape)
        assert list(await jobs_of(ductape, "rare")) == ["dev"]
    dev, prd = jobs["dev"], jobs["prd"]
    assert (dev["input"], dev["cron"], dev["every"], dev["priority"]) == ({}, None, DAY, 0)
    assert (prd["input"], prd["every"], prd["priority"]) == ({"of": "yesterday"}, None, 7)
    for job in (dev, prd):
        assert (job["queue"], job["retries"], job["metadata"]["team"]) == ("slow", 3, "books")


async def test_its_job_runs_as_every_job_does(store: str) -> None:
    handlers = Handlers()
    seen = asyncio.Queue[object]()

    @handlers.job("report")
    async def report(given: JsonObject) -> None:
        seen.put_nowait(given)

    schedule = {**only(), "repeat": {"every": 100, "limit": 2}}
    async with Ductape.open(store, handlers=handlers, worker=EAGER) as ductape:
        await ductape.products.apply(product(schedule))
        job = await the_job(ductape)
        async with asyncio.timeout(20):
            assert [await seen.get(), await seen.get()] == [{"of": "yesterday"}] * 2
            async for view in ductape.jobs.watch(job["id"]):
                last = view
        assert (last["status"], last["execution_count"]) == ("completed", 2)
        again = await ductape.products.apply(product(schedule, name="again"))
        assert (again["schedules"], again["warnings"]) == ([], [])
        assert (await the_job(ductape))["status"] == "completed"


async def test_applying_again_moves_no_instant(store: str) -> None:
    schedule = {**only(), "repeat": {"every": DAY}}
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(schedule))
        first = await the_job(ductape)
        for document in (product(schedule), product(schedule, name="Shop"), product(schedule)):
            assert (await ductape.products.apply(document))["schedules"] == []
        assert await the_job(ductape) == first


async def test_another_input_moves_no_instant_and_another_start_does(store: str) -> None:
    schedule = {**only(), "start_at": "2100-01-01T05:00:00Z", "repeat": {"every": DAY}}
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(schedule))
        first = await the_job(ductape)
        changed = await ductape.products.apply(product({**schedule, "input": {"of": "today"}}))
        done = [(one["op"], one["job_id"]) for one in changed["schedules"]]
        assert done == [("changed", first["id"])]
        job = await the_job(ductape)
        assert (job["id"], job["input"]) == (first["id"], {"of": "today"})
        assert job["next_run_at"] == first["next_run_at"]
        await ductape.products.apply(product({**schedule, "start_at": "2100-01-01T06:00:00Z"}))
        job = await the_job(ductape)
        assert job["next_run_at"] == cast("int", first["next_run_at"]) + 3_600_000
        await ductape.products.apply(product({**only(), "repeat": {"cron": "0 0 1 1 *"}}))
        job = await the_job(ductape)
    assert (job["id"], job["cron"], job["every"]) == (first["id"], "0 0 1 1 *", None)
    assert cast("int", job["next_run_at"]) < cast("int", first["next_run_at"])


async def test_a_run_that_is_due_already_is_run_with_what_has_changed(store: str) -> None:
    schedule = {**only(), "repeat": {"every": DAY, "limit": 1}}
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(schedule))
        first = await the_job(ductape)
        await ductape.products.apply(product({**schedule, "input": {"of": "today"}}))
        job = await the_job(ductape)
    assert (job["status"], job["scheduled_at"]) == ("queued", first["scheduled_at"])
    async with Ductape.open(store, handlers=echoing(), worker=EAGER) as ductape:
        assert await ductape.processor.job.wait(job["id"], timeout=20) == {"of": "today"}
        assert (await ductape.jobs.get(job["id"]))["execution_count"] == 1


async def test_a_change_lets_a_running_run_end_and_keeps_the_count(store: str) -> None:
    handlers, begun, go_on = Handlers(), asyncio.Event(), asyncio.Event()

    @handlers.job("report")
    async def report(given: JsonObject) -> JsonObject:
        begun.set()
        await go_on.wait()
        return given

    schedule = {**only(), "repeat": {"every": 100, "limit": 3}}
    async with Ductape.open(store, handlers=handlers, worker=EAGER) as ductape, asyncio.timeout(20):
        await ductape.products.apply(product(schedule))
        await begun.wait()
        await ductape.products.apply(product({**schedule, "input": {"of": "today"}}))
        job = await the_job(ductape)
        assert job["status"] == "running"
        go_on.set()
        async for view in ductape.jobs.watch(job["id"]):
            last = view
        history = await ductape.jobs.history(job["id"])
    assert (last["status"], last["execution_count"]) == ("completed", 3)
    results = [one["result"] for one in history["executions"]]
    assert results == [{"of": "today"}, {"of": "today"}, {"of": "yesterday"}]


async def test_a_schedule_taken_out_ends_and_a_running_run_of_it_is_let_end(store: str) -> None:
    handlers, begun, go_on = Handlers(), asyncio.Event(), asyncio.Event()

    @handlers.job("report")
    async def report(given: JsonObject) -> JsonObject:
        begun.set()
        await go_on.wait()
        return given

    async with Ductape.open(store, handlers=handlers, worker=EAGER) as ductape, asyncio.timeout(20):
        await ductape.products.apply(product({**only(), "repeat": {"every": 100}}))
        await begun.wait()
        job = await the_job(ductape)
        applied = await ductape.products.apply(product())
        assert [(one["op"], one["job_id"]) for one in applied["schedules"]] == [
            ("ended", job["id"])
        ]
        go_on.set()
        async for view in ductape.jobs.watch(job["id"]):
            last = view
        (only_run,) = (await ductape.jobs.history(job["id"]))["executions"]
    assert (last["status"], only_run["status"]) == ("cancelled", "completed")


async def test_what_was_taken_out_and_is_put_in_again_begins_again(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(NIGHTLY))
        first = await jobs_of(ductape)
        applied = await ductape.products.apply(product(only()))
        assert [(one["op"], one["env"]) for one in applied["schedules"]] == [("ended", "prd")]
        statuses = {env: job["status"] for env, job in (await jobs_of(ductape)).items()}
        assert statuses == {"dev": "scheduled", "prd": "cancelled"}
        applied = await ductape.products.apply(product(NIGHTLY))
        assert [(one["op"], one["env"]) for one in applied["schedules"]] == [("created", "prd")]
        again = await jobs_of(ductape)
    assert {env: job["id"] for env, job in again.items()} == {
        env: job["id"] for env, job in first.items()
    }
    assert {job["status"] for job in again.values()} == {"scheduled"}


async def test_another_event_is_another_job(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(only()))
        applied = await ductape.products.apply(product({**only(), "event": "other"}))
        found = await ductape.jobs.list(metadata={"schedule": "nightly"})
    done = [(one["op"], one["event"]) for one in applied["schedules"]]
    assert done == [("created", "other"), ("ended", "report")]
    assert {job["event"]: job["status"] for job in found} == {
        "report": "cancelled",
        "other": "scheduled",
    }


async def test_what_a_person_has_cancelled_stays_so_until_it_is_declared_otherwise(
    store: str,
) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(only()))
        job = await the_job(ductape)
        await ductape.jobs.cancel(job["id"])
        for document in (product(only()), product(only(), name="Shop")):
            applied = await ductape.products.apply(document)
            (warning,) = applied["warnings"]
            assert "the schedule `nightly` in `dev` is cancelled" in warning
            assert (await the_job(ductape))["status"] == "cancelled"
        applied = await ductape.products.apply(product(only(retries=1), name="Shop"))
        assert [(one["op"], one["job_id"]) for one in applied["schedules"]] == [
            ("created", job["id"])
        ]
        job = await the_job(ductape)
    assert (job["status"], job["retries"]) == ("scheduled", 1)


async def test_what_a_person_has_paused_stays_paused(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(only()))
        job = await the_job(ductape)
        await ductape.jobs.pause(job["id"])
        await ductape.products.apply(product(only(), name="Shop"))
        await ductape.products.apply(product(only(retries=1), name="Shop"))
        job = await the_job(ductape)
        assert (job["status"], job["retries"]) == ("paused", 1)
        await ductape.jobs.resume(job["id"])
        assert (await the_job(ductape))["status"] == "scheduled"


def echoing() -> Handlers:
    handlers = Handlers()

    @handlers.job("report")
    async def report(given: JsonObject) -> JsonObject:
        return given

    return handlers


class SetClock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.at_ms = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.at_ms

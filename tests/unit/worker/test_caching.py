import asyncio
from typing import Any

import pytest

from ductape import ValidationError, WorkerOptions
from ductape.testing import Harness
from tests.unit.worker.builders import (
    PRODUCT,
    a_job,
    registry,
    sleeper,
    statuses,
    until_status,
    view_of,
)
from tests.unit.worker.conftest import Play


class _Counted:
    """Counts its executions; the first ones fail."""

    def __init__(self, *, failures: int = 0) -> None:
        self.count = 0
        self._failures = failures

    async def act(self, input: dict[str, Any]) -> int:  # noqa: A002 (a handler's own name)
        self.count += 1
        mine = self.count
        await asyncio.sleep(input.get("ms", 500) / 1000)
        if mine <= self._failures:
            raise RuntimeError("no")
        return mine


def test_a_hundred_equal_requests_at_once_are_executed_once(play: Play) -> None:
    counted = _Counted()

    async def scenario(harness: Harness) -> list[object]:
        schedule = harness.ductape.processor.job.schedule
        calls = [schedule(a_job("act", cache="quick"), timeout=60) for _ in range(100)]
        return list(await asyncio.gather(*calls))

    assert play(scenario, registry(act=counted.act)) == [1] * 100
    assert counted.count == 1


def test_if_the_leader_fails_the_next_one_executes(play: Play) -> None:
    counted = _Counted(failures=1)

    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        receipts = await job.dispatch_many([a_job("act", cache="quick")] * 5)
        began_ms = harness.clock.now_ms()
        await harness.quiet()
        assert harness.clock.now_ms() - began_ms < 1_200
        views = [await view_of(harness, receipt["job_id"]) for receipt in receipts]
        found = sorted((view["status"], view["cached"]) for view in views)
        assert found == [("completed", False)] + [("completed", True)] * 3 + [("failed", False)]

    play(scenario, registry(act=counted.act))
    assert counted.count == 2


def test_a_leader_that_is_cancelled_lets_the_next_one_execute(play: Play) -> None:
    counted = _Counted()

    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        first = await job.dispatch(a_job("act", cache="quick", input={"ms": 20_000}))
        await harness.sleep(100)
        second = await job.dispatch(a_job("act", cache="quick", input={"ms": 20_000}))
        await harness.sleep(100)
        assert (await view_of(harness, second["job_id"]))["status"] == "queued"
        await harness.ductape.jobs.cancel(first["job_id"])
        await harness.sleep(200)
        assert (await view_of(harness, second["job_id"]))["status"] == "running"

    play(scenario, registry(act=counted.act), worker=WorkerOptions(grace_ms=10))


def test_a_leader_that_is_cancelled_before_it_hears_of_it_lets_the_next_one_execute(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = _Counted()

    async def scenario(harness: Harness) -> None:
        memory, job = harness.ductape.core.store.memory, harness.ductape.processor.job
        recall = memory.recall

        async def late(*asked: Any, **at: int) -> object:  # noqa: ANN401 (as it was called)
            told = await recall(*asked, **at)
            monkeypatch.setattr(memory, "recall", recall)
            await harness.sleep(10_000)
            return told

        monkeypatch.setattr(memory, "recall", late)
        first = await job.dispatch(a_job("act", cache="quick"))
        await harness.sleep(100)
        second = await job.dispatch(a_job("act", cache="quick"))
        await harness.sleep(100)
        assert (await view_of(harness, second["job_id"]))["status"] == "queued"
        await harness.ductape.jobs.cancel(first["job_id"])
        await harness.sleep(1_000)
        assert (await view_of(harness, first["job_id"]))["status"] == "cancelled"
        assert (await view_of(harness, second["job_id"]))["status"] == "completed"

    play(scenario, registry(act=counted.act))


def test_a_leader_does_not_ask_again_which_version_its_product_has(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def scenario(harness: Harness) -> None:
        products, job = harness.ductape.core.store.products, harness.ductape.processor.job
        soon = harness.clock.now_ms() + 1_000
        receipt = await job.dispatch(a_job("act", cache="quick", start_at=soon))
        version = products.version

        async def noted(tag: str) -> int | None:
            asked.append(tag)
            return await version(tag)

        monkeypatch.setattr(products, "version", noted)
        await until_status(harness, receipt["job_id"], "completed")

    play(scenario, registry(act=_Counted().act))
    assert asked == []


def test_a_parked_job_takes_neither_slot_nor_attempt(play: Play) -> None:
    counted = _Counted()

    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        receipts = await job.dispatch_many([a_job("act", cache="quick", input={"ms": 5_000})] * 3)
        await harness.sleep(100)
        other = await job.schedule(a_job("act", input={"ms": 1}), timeout=1)
        assert other == 2
        views = [await until_status(harness, one["job_id"], "completed") for one in receipts]
        assert sorted(len(statuses(view)) for view in views) == [0, 0, 1]

    play(scenario, registry(act=counted.act), worker=WorkerOptions(concurrency=2))


def test_a_fresh_entry_answers_without_executing(play: Play) -> None:
    counted = _Counted()

    async def scenario(harness: Harness) -> None:
        schedule = harness.ductape.processor.job.schedule
        request = a_job("act", cache="quick")
        assert await schedule(request) == 1
        await harness.sleep(4_000)
        assert await schedule(request) == 1
        await harness.sleep(2_000)
        assert await schedule(request) == 2

    play(scenario, registry(act=counted.act))


def test_another_input_is_another_entry(play: Play) -> None:
    counted = _Counted()

    async def scenario(harness: Harness) -> list[object]:
        schedule = harness.ductape.processor.job.schedule
        requests = [a_job("act", cache="quick", input={"ms": ms}) for ms in (1, 2)]
        return [await schedule(request) for request in requests]

    assert play(scenario, registry(act=counted.act)) == [1, 2]


def test_a_failure_is_never_remembered(play: Play) -> None:
    counted = _Counted(failures=1)

    async def scenario(harness: Harness) -> object:
        job = harness.ductape.processor.job
        receipt = await job.dispatch(a_job("act", cache="quick"))
        await until_status(harness, receipt["job_id"], "failed")
        return await job.schedule(a_job("act", cache="quick"))

    assert play(scenario, registry(act=counted.act)) == 2


def test_followers_outlive_a_leader_whose_worker_dies(play: Play) -> None:
    counted = _Counted()

    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        receipts = await job.dispatch_many([a_job("act", cache="quick", input={"ms": 2_000})] * 3)
        await harness.sleep(500)
        harness.clock.jump(60_000)
        for receipt in receipts:
            await until_status(harness, receipt["job_id"], "completed")

    play(scenario, registry(act=counted.act), worker=WorkerOptions(lease_ms=3_000))
    assert counted.count == 2


def test_a_recurrence_is_answered_only_within_the_expiry(play: Play) -> None:
    counted = _Counted()

    async def scenario(harness: Harness) -> None:
        job = a_job("act", cache="quick", repeat={"every": 3_000, "limit": 4}, input={"ms": 0})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await until_status(harness, receipt["job_id"], "completed")
        history = await harness.ductape.jobs.history(receipt["job_id"])
        cached = [one["cached"] for one in reversed(history["executions"])]
        assert cached == [False, True, False, True]

    play(scenario, registry(act=counted.act))


def test_the_expiry_counts_from_the_end_of_the_run_however_long_it_took(play: Play) -> None:
    counted = _Counted()

    async def scenario(harness: Harness) -> None:
        slow = a_job("act", cache="quick", input={"ms": 30_000})
        assert await harness.ductape.processor.job.schedule(slow) == 1
        (entry,) = await harness.ductape.caches.values(
            {"product_tag": "shop", "cache_tag": "quick"}
        )
        assert entry["expires_at"] - entry["created_at"] == 5_000
        await harness.sleep(4_000)
        assert await harness.ductape.processor.job.schedule(slow) == 1

    play(scenario, registry(act=counted.act))


def test_a_selection_shows_and_forgets_the_same(play: Play) -> None:
    async def scenario(harness: Harness) -> list[object]:
        for event in ("act", "other"):
            await harness.ductape.processor.job.schedule(a_job(event, cache="quick"))
        caches = harness.ductape.caches
        whole = {"product_tag": "shop", "cache_tag": "quick"}
        seen: list[object] = [
            len(await caches.values(whole)),
            await caches.clear({**whole, "component_tag": "act", "component_type": "action"}),
            await caches.clear({**whole, "component_tag": "act", "component_type": "job"}),
            await caches.clear({**whole, "expiry": 6_000}),
            [one["component_tag"] for one in await caches.values({**whole, "expiry": 4_000})],
        ]
        return seen

    seen = play(scenario, registry(act=sleeper, other=sleeper))
    assert seen == [2, {"count": 0}, {"count": 1}, {"count": 0}, ["other"]]


def test_a_selection_of_a_cache_is_judged_whole(play: Play) -> None:
    async def scenario(harness: Harness) -> list[str]:
        wrong = {
            "product_tag": "shop",
            "cashe_tag": "quick",
            "component_type": "jobs",
            "expiry": "soon",
        }
        paths: list[str] = []
        for verb in (harness.ductape.caches.values, harness.ductape.caches.clear):
            with pytest.raises(ValidationError) as caught:
                await verb(wrong)
            paths += [fault["path"] for fault in caught.value.errors]
        return paths

    every = ["cashe_tag", "cache_tag", "component_type", "expiry"]
    assert play(scenario, registry(act=sleeper)) == every * 2


def test_a_sensitive_entry_is_shown_to_whoever_may_see_all_of_it(play: Play) -> None:
    async def scenario(harness: Harness) -> list[object]:
        job = {"tag": "act", "handler": "python", "sensitive": True}
        await harness.ductape.products.apply({**PRODUCT, "jobs": [job]})
        await harness.ductape.processor.job.schedule(a_job(cache="quick"))
        asked = {"product_tag": "shop", "cache_tag": "quick"}
        return [one["value"] for one in await harness.ductape.caches.values(asked)]

    assert play(scenario, registry(act=sleeper)) == ["slept"]

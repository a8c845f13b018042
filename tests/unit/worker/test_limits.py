"""Concurrency keys and queues, as a worker keeps to them from schedule to result."""

import asyncio
from typing import Any

import pytest

from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry, view_of
from tests.unit.worker.conftest import Play


class _Crowd:
    """Counts how many are inside at once, under each key."""

    def __init__(self) -> None:
        self.inside: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.began_ms: list[int] = []
        self.harness: Harness | None = None

    async def act(self, input: dict[str, Any]) -> None:  # noqa: A002 (a handler's own name)
        key = input.get("key", "")
        if self.harness is not None:
            self.began_ms.append(self.harness.clock.now_ms())
        self.inside[key] = self.inside.get(key, 0) + 1
        self.most[key] = max(self.inside[key], self.most.get(key, 0))
        await asyncio.sleep(input.get("ms", 100) / 1000)
        self.inside[key] -= 1


def keyed(key: str, limit: int, **changes: object) -> dict[str, object]:
    """Ask for a job under a concurrency key."""
    return a_job("act", concurrency_key=key, concurrency_limit=limit, **changes)


def test_no_more_jobs_of_a_key_run_at_once_than_its_limit(play: Play) -> None:
    crowd = _Crowd()

    async def scenario(harness: Harness) -> None:
        jobs = [keyed("a", 1, input={"key": "a"})] * 7 + [keyed("b", 3, input={"key": "b"})] * 9
        receipts = await harness.ductape.processor.job.dispatch_many(jobs)
        began_ms = harness.clock.now_ms()
        await harness.quiet()
        assert harness.clock.now_ms() - began_ms < 1_500
        views = [await view_of(harness, receipt["job_id"]) for receipt in receipts]
        assert {view["status"] for view in views} == {"completed"}

    play(scenario, registry(act=crowd.act))
    assert crowd.most == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    "jobs",
    [
        [keyed("a", 3, priority=priority) for priority in (5, 0, -5)],
        [keyed("a", 1, priority=5), keyed("b", 1, priority=5), keyed("c", 1)],
        [keyed("a", 200)] * 150 + [keyed("b", 1)],
    ],
    ids=["urgencies-of-a-key", "keys-of-two-urgencies", "a-long-key-beside-a-short-one"],
)
def test_nothing_waits_while_a_slot_is_free_and_its_key_has_room(
    play: Play, jobs: list[dict[str, object]]
) -> None:
    crowd = _Crowd()

    async def scenario(harness: Harness) -> int:
        crowd.harness = harness
        await harness.ductape.processor.job.dispatch_many(
            [{**job, "input": {"ms": 10_000}} for job in jobs]
        )
        await harness.quiet()
        return max(crowd.began_ms) - min(crowd.began_ms)

    assert play(scenario, registry(act=crowd.act)) < 50


def test_a_key_without_a_limit_lets_one_run_at_a_time(play: Play) -> None:
    crowd = _Crowd()

    async def scenario(harness: Harness) -> None:
        job = a_job("act", concurrency_key="only")
        await harness.ductape.processor.job.dispatch_many([job] * 4)
        await harness.quiet()

    play(scenario, registry(act=crowd.act))
    assert crowd.most == {"": 1}


def test_a_recurring_job_keeps_to_its_key_too(play: Play) -> None:
    crowd = _Crowd()

    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        repeat = {"every": 1_000, "limit": 5}
        await job.dispatch(keyed("a", 1, input={"ms": 700}, repeat=repeat))
        await job.dispatch(keyed("a", 1, input={"ms": 700}, repeat=repeat, retries=1))
        await harness.quiet()

    play(scenario, registry(act=crowd.act))
    assert crowd.most == {"": 1}


def test_a_paused_queue_starts_nothing_until_it_is_resumed(play: Play) -> None:
    crowd = _Crowd()

    async def scenario(harness: Harness) -> None:
        queues = harness.ductape.queues
        assert (await queues.pause("default"))["paused"]
        receipt = await harness.ductape.processor.job.dispatch(a_job("act"))
        await harness.sleep(59_000)  # At 60,000 the worker may take a turn of its own first.
        assert (await view_of(harness, receipt["job_id"]))["status"] == "queued"
        [listed] = await queues.list()
        assert (listed["queued"], listed["running"]) == (1, 0)
        assert not (await queues.resume("default"))["paused"]
        resumed_ms = harness.clock.now_ms()
        await harness.quiet()
        view = await view_of(harness, receipt["job_id"])
        assert (view["status"], view["started_at"]) == ("completed", resumed_ms)

    play(scenario, registry(act=crowd.act))


def test_a_queue_keeps_its_limits_when_many_jobs_wait(play: Play) -> None:
    crowd = _Crowd()

    async def scenario(harness: Harness) -> None:
        crowd.harness = harness
        await harness.ductape.queues.set_concurrency("default", 4)
        await harness.ductape.queues.set_rate("default", 10, per=1_000)
        await harness.ductape.processor.job.dispatch_many([a_job("act")] * 40)
        await harness.quiet()

    play(scenario, registry(act=crowd.act))
    assert crowd.most == {"": 4}
    began = crowd.began_ms
    assert all(later - first >= 1_000 for first, later in zip(began, began[10:], strict=False))
    assert began[-1] - began[0] < 3_500

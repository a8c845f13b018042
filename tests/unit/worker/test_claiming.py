import asyncio
from typing import Any

from ductape import WorkerOptions
from ductape.app.staffing import make_worker
from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry, sleeper, until_status, view_of
from tests.unit.worker.conftest import Play


class _Order:
    """Notes in which order jobs begin, and how many at a time."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.most = 0
        self._now = 0

    async def act(self, input: dict[str, Any]) -> None:  # noqa: A002 (a handler's own name)
        self.names.append(str(input["name"]))
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(1)
        self._now -= 1


def test_higher_priority_goes_first_then_the_earlier_instant(play: Play) -> None:
    order = _Order()

    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        await job.dispatch(a_job("act", input={"name": "running"}))
        await harness.sleep(100)
        for name, priority in (("low", -5), ("first", 0), ("second", 0), ("high", 100)):
            await job.dispatch(a_job("act", input={"name": name}, priority=priority))
            await harness.sleep(10)
        await harness.quiet()

    play(scenario, registry(act=order.act), worker=WorkerOptions(concurrency=1))
    assert order.names == ["running", "high", "first", "second", "low"]


def test_no_more_runs_at_a_time_than_slots(play: Play) -> None:
    order = _Order()

    async def scenario(harness: Harness) -> None:
        batch = [a_job("act", input={"name": str(n)}) for n in range(10)]
        await harness.ductape.processor.job.dispatch_many(batch)
        await harness.quiet()

    play(scenario, registry(act=order.act), worker=WorkerOptions(concurrency=3))
    assert (order.most, len(order.names)) == (3, 10)


def test_a_worker_serves_only_the_queues_it_is_told(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        mine = await job.dispatch(a_job("sleeper", queue="mine"))
        other = await job.dispatch(a_job("sleeper", queue="other"))
        await until_status(harness, mine["job_id"], "completed")
        await harness.sleep(60_000)
        assert (await view_of(harness, other["job_id"]))["status"] == "queued"
        async with harness.neighbour(worker=WorkerOptions(queues=("other",))):
            await until_status(harness, other["job_id"], "completed")

    play(scenario, registry(sleeper=sleeper), worker=WorkerOptions(queues=("mine",)))


def test_a_full_queue_does_not_starve_another(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        busy = [a_job("sleeper", queue="a", input={"ms": 1_000}) for _ in range(50)]
        await job.dispatch_many(busy)
        await harness.sleep(100)
        await job.schedule(a_job("sleeper", queue="b"), timeout=5)

    play(scenario, registry(sleeper=sleeper), worker=WorkerOptions(concurrency=1))


def test_a_worker_without_named_queues_serves_all(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        for queue in ("b", "a", "z"):
            await job.schedule(a_job("sleeper", queue=queue), timeout=5)

    play(scenario, registry(sleeper=sleeper))


def test_a_worker_claims_only_what_it_has_a_handler_for(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        async with harness.neighbour(handlers=registry(special=sleeper)) as other:
            receipt = await other.processor.job.dispatch(a_job("special", queue="q"))
            await until_status(harness, receipt["job_id"], "completed")
        # The tag stays known after its worker has gone; nobody can claim the job now.
        waiting = await harness.ductape.processor.job.dispatch(a_job("special"))
        await harness.sleep(60_000)
        assert (await view_of(harness, waiting["job_id"]))["status"] == "queued"
        async with harness.neighbour(handlers=registry(special=sleeper)):
            await until_status(harness, waiting["job_id"], "completed")

    play(scenario, registry(sleeper=sleeper))


def test_a_job_without_a_handler_does_not_hold_up_its_neighbours(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        async with harness.neighbour(handlers=registry(special=sleeper), worker=False) as other:
            blocked = await other.processor.job.dispatch(a_job("special", priority=100))
        await harness.ductape.processor.job.schedule(a_job("sleeper"), timeout=5)
        assert (await view_of(harness, blocked["job_id"]))["status"] == "queued"

    play(scenario, registry(sleeper=sleeper), worker=WorkerOptions(concurrency=1))


def test_nothing_starts_before_its_instant(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        due_ms = harness.clock.now_ms() + 90_123
        receipt = await harness.ductape.processor.job.dispatch(a_job("sleeper", start_at=due_ms))
        view = await until_status(harness, receipt["job_id"], "completed")
        assert view["started_at"] is not None
        assert due_ms <= view["started_at"] <= due_ms + 2

    play(scenario, registry(sleeper=sleeper))


def test_what_expired_while_it_waited_is_not_begun(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        await job.dispatch(a_job("sleeper", input={"ms": 5_000}))
        await harness.sleep(10)
        late = await job.dispatch(a_job("sleeper", expires_at=harness.clock.now_ms() + 1_000))
        view = await until_status(harness, late["job_id"], "failed")
        assert view["last_error"] is not None
        assert (view["last_error"]["code"], view["attempts"]) == ("EXPIRED", [])

    play(scenario, registry(sleeper=sleeper), worker=WorkerOptions(concurrency=1))


def test_what_a_full_worker_cannot_try_again_an_idle_one_does_at_once(play: Play) -> None:
    fails = ["once"]

    async def flaky() -> str:
        await asyncio.sleep(1)
        if fails:
            raise RuntimeError(fails.pop())
        return "done"

    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        config = {"initialDelay": 50, "jitter": False}
        flawed = await job.dispatch(a_job("flaky", retries=1, retryConfig=config))
        await until_status(harness, flawed["job_id"], "running")
        idle = make_worker(harness.ductape.core, WorkerOptions(queues=("default",)))
        await idle.start()
        await job.dispatch(a_job("sleeper", queue="other", input={"ms": 20_000}))
        view = await until_status(harness, flawed["job_id"], "completed")
        first, second = view["attempts"]
        assert second["started_at"] - (first["completed_at"] or 0) <= 60
        await idle.stop()

    play(scenario, registry(flaky=flaky, sleeper=sleeper), worker=WorkerOptions(concurrency=1))

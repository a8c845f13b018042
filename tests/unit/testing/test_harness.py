import asyncio
import time
from pathlib import Path

import pytest

from ductape import Handlers, JobFailed, WorkerOptions
from ductape.handlers.python import AsyncContext, ThreadContext
from ductape.testing import Harness, SeededEntropy, run, simulated_ductape

PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}


def a_job(event: str, **parts: object) -> dict[str, object]:
    return {
        "product_tag": "shop",
        "env": "dev",
        "event": event,
        "input": {},
        "start_at": 0,
        **parts,
    }


@pytest.fixture
def handlers() -> Handlers:
    registry = Handlers()

    @registry.job("numbered")
    async def numbered(ctx: AsyncContext) -> int:
        return ctx.run

    @registry.job("blocking")
    def blocking(ctx: ThreadContext) -> str:
        ctx.checkpoint({"half": True})
        return "from a thread"

    @registry.job("failing")
    async def failing() -> None:
        raise RuntimeError("no")

    return registry


def test_a_day_of_recurrences_takes_seconds(tmp_path: Path, handlers: Handlers) -> None:
    async def scenario(harness: Harness) -> int:
        hour_ms = 3_600_000
        receipt = await harness.ductape.processor.job.dispatch(
            a_job("numbered", repeat={"every": hour_ms, "limit": 24})
        )
        await harness.sleep(23 * hour_ms + 1_000)
        return (await harness.ductape.jobs.get(receipt["job_id"]))["execution_count"]

    # A worker that looks once an hour: what it looks for takes no part here.
    rare = WorkerOptions(upkeep_ms=3_600_000, lease_ms=3_600_000)
    began_s = time.process_time()  # of our own: others may keep the machine busy
    assert run(scenario, tmp_path, handlers=handlers, product=PRODUCT, worker=rare) == 24
    assert time.process_time() - began_s < 30


def test_a_sync_handler_takes_no_virtual_time(tmp_path: Path, handlers: Handlers) -> None:
    async def scenario(harness: Harness) -> object:
        before_ms = harness.clock.now_ms()
        result = await harness.ductape.processor.job.schedule(a_job("blocking"))
        assert harness.clock.now_ms() - before_ms < 100
        return result

    assert run(scenario, tmp_path, handlers=handlers, product=PRODUCT) == "from a thread"


def test_the_same_seed_gives_the_same_ids_and_delays(tmp_path: Path, handlers: Handlers) -> None:
    async def scenario(harness: Harness) -> object:
        with pytest.raises(JobFailed) as failed:
            await harness.ductape.processor.job.schedule(a_job("failing", retries=3))
        return failed.value.job_id, [a["started_at"] for a in failed.value.attempts]

    told = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        folder = tmp_path / name
        folder.mkdir()
        told.append(run(scenario, folder, handlers=handlers, product=PRODUCT, seed=seed))
    assert told[0] == told[1] != told[2]


def test_until_gives_up_after_its_time(tmp_path: Path) -> None:
    async def scenario(harness: Harness) -> None:
        await harness.until(lambda: False, within_ms=5_000)

    with pytest.raises(AssertionError, match="5000 ms"):
        run(scenario, tmp_path)


def test_until_returns_what_the_condition_gave(tmp_path: Path) -> None:
    async def scenario(harness: Harness) -> int:
        began_ms = harness.clock.now_ms()
        return await harness.until(lambda: (harness.clock.now_ms() - began_ms) // 1_000)

    assert run(scenario, tmp_path) == 1


def test_quiet_waits_for_what_runs_and_not_for_what_is_due_later(
    tmp_path: Path, handlers: Handlers
) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        await job.dispatch(a_job("numbered"))
        await job.dispatch(a_job("numbered", start_at=harness.clock.now_ms() + 86_400_000))
        await harness.quiet(within_ms=1_000)
        found = [view["status"] for view in await harness.ductape.jobs.list()]
        assert found == ["scheduled", "completed"]

    run(scenario, tmp_path, handlers=handlers, product=PRODUCT)


def test_a_neighbour_shares_the_store(tmp_path: Path, handlers: Handlers) -> None:
    async def scenario(harness: Harness) -> object:
        receipt = await harness.ductape.processor.job.dispatch(a_job("numbered"))
        async with harness.neighbour() as other:
            await harness.quiet()
            return (await other.jobs.get(receipt["job_id"]))["status"]

    found = run(scenario, tmp_path, handlers=handlers, product=PRODUCT, worker=False)
    assert found == "completed"


def test_a_task_left_behind_fails_the_test(tmp_path: Path) -> None:
    async def scenario(_: Harness) -> None:
        scenario.kept = asyncio.create_task(asyncio.sleep(60))  # type: ignore[attr-defined]

    with pytest.raises(AssertionError, match="left behind"):
        run(scenario, tmp_path)


async def test_an_ordinary_loop_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="virtual loop"):
        async with simulated_ductape(tmp_path):
            pass


def test_entropy_from_a_seed_repeats_itself() -> None:
    one, other = SeededEntropy(3), SeededEntropy(3)
    assert (one.token(8), one.draw()) == (other.token(8), other.draw())

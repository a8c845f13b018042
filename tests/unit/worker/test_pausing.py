"""Pausing and resuming a recurring job while one of its runs is under way (SPEC 4, 10).

Instants are milliseconds from the beginning of the scenario.
"""

from ductape.handlers.python import AsyncContext
from ductape.testing import START_MS, Harness
from tests.unit.worker.builders import a_job, registry
from tests.unit.worker.conftest import Play

EVERY_MS = 10_000


class Starts:
    """Notes when each of its runs begins, and takes three seconds for it."""

    def __init__(self) -> None:
        """Begin without a run."""
        self.at: list[int] = []
        self.harness: Harness | None = None

    async def work(self, ctx: AsyncContext) -> None:
        """Run once."""
        del ctx
        assert self.harness is not None
        self.at.append(self.harness.clock.now_ms() - START_MS)
        await self.harness.sleep(3_000)

    async def begin(self, harness: Harness) -> str:
        """Schedule a job that begins now and repeats."""
        self.harness = harness
        job = a_job("work", repeat={"every": EVERY_MS})
        return (await harness.ductape.processor.job.dispatch(job))["job_id"]


def test_what_falls_into_a_pause_is_skipped_while_its_run_goes_on(play: Play) -> None:
    starts = Starts()

    async def scenario(harness: Harness) -> None:
        job_id = await starts.begin(harness)
        await harness.sleep(EVERY_MS - 1_000)
        jobs = harness.ductape.jobs
        await jobs.run_now(job_id)
        await harness.sleep(500)
        await jobs.pause(job_id)
        await harness.sleep(1_000)
        await jobs.resume(job_id)
        await harness.sleep(EVERY_MS)

    play(scenario, registry(work=starts.work))
    assert starts.at == [0, 9_000, 20_000]


def test_an_extra_run_in_a_long_pause_brings_back_nothing_that_it_skipped(play: Play) -> None:
    starts = Starts()

    async def scenario(harness: Harness) -> None:
        job_id = await starts.begin(harness)
        jobs = harness.ductape.jobs
        await harness.sleep(5_000)
        await jobs.pause(job_id)
        await harness.sleep(60_000)
        await jobs.run_now(job_id)
        await harness.sleep(1_000)
        await jobs.resume(job_id)
        await harness.sleep(5_000)

    play(scenario, registry(work=starts.work))
    assert starts.at == [0, 65_000, 70_000]


def test_what_waits_for_the_running_run_does_not_begin_in_a_pause(play: Play) -> None:
    starts = Starts()

    async def scenario(harness: Harness) -> str:
        job_id = await starts.begin(harness)
        await harness.sleep(1_000)
        await harness.ductape.jobs.run_now(job_id)
        await harness.ductape.jobs.pause(job_id)
        await harness.sleep(5 * EVERY_MS)
        return (await harness.ductape.jobs.get(job_id))["status"]

    assert play(scenario, registry(work=starts.work)) == "paused"
    assert starts.at == [0]

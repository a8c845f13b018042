"""Jobs that are run once more, and what is counted of them."""

import pytest

from ductape import Conflict, ProviderError, ValidationError
from ductape.domain.wire import HistoryView, JobView
from ductape.handlers.python import AsyncContext
from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry, sleeper, until_status, view_of
from tests.unit.worker.conftest import Play


async def unlucky_twice(ctx: AsyncContext) -> int:
    if ctx.run < 3:
        raise RuntimeError("not yet")
    return ctx.run


async def counts(harness: Harness, job_id: str) -> tuple[int, int, int, int]:
    view: JobView = await view_of(harness, job_id)
    history: HistoryView = await harness.ductape.jobs.history(job_id)
    total, failed = history["total_executions"], history["failed_executions"]
    return view["execution_count"], view["failed_count"], total, failed


def test_failed_runs_of_a_job_that_is_retried_stay_counted(play: Play) -> None:
    async def scenario(harness: Harness) -> list[tuple[int, int, int, int]]:
        receipt = await harness.ductape.processor.job.dispatch(a_job("act"))
        job_id = receipt["job_id"]
        found: list[tuple[int, int, int, int]] = []
        for status in ("failed", "failed", "completed"):
            await until_status(harness, job_id, status)
            found.append(await counts(harness, job_id))
            await harness.ductape.jobs.retry(job_id)
        return found

    assert play(scenario, registry(act=unlucky_twice)) == [
        (1, 1, 1, 1),
        (2, 2, 2, 2),
        (3, 2, 3, 2),
    ]


def test_a_run_that_was_cancelled_before_it_began_is_no_execution(play: Play) -> None:
    async def scenario(harness: Harness) -> list[tuple[int, int, int, int]]:
        later = harness.clock.now_ms() + 60_000
        receipt = await harness.ductape.processor.job.dispatch(a_job("act", start_at=later))
        job_id = receipt["job_id"]
        await harness.ductape.jobs.cancel(job_id)
        found = [await counts(harness, job_id)]
        await harness.ductape.jobs.retry(job_id)
        await until_status(harness, job_id, "completed")
        return [*found, await counts(harness, job_id)]

    assert play(scenario, registry(act=sleeper)) == [(0, 0, 0, 0), (1, 0, 1, 0)]


def test_nor_is_an_occurrence_of_a_recurrence(play: Play) -> None:
    async def scenario(harness: Harness) -> tuple[int, int, int, int]:
        later = harness.clock.now_ms() + 60_000
        job = a_job("act", start_at=later, repeat={"every": 60_000})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.ductape.jobs.cancel(receipt["job_id"], run_only=True)
        return await counts(harness, receipt["job_id"])

    assert play(scenario, registry(act=sleeper)) == (0, 0, 0, 0)


async def failing() -> None:
    raise RuntimeError("not today")


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_a_run_that_is_taken_away_between_its_attempts_has_been_executed(
    play: Play, verb: str
) -> None:
    async def scenario(harness: Harness) -> tuple[object, ...]:
        job = a_job("act", retries=3, repeat={"every": 60_000, "limit": 1})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await until_status(harness, receipt["job_id"], "scheduled")
        await getattr(harness.ductape.jobs, verb)(receipt["job_id"])
        counted = await counts(harness, receipt["job_id"])
        answer = await harness.ductape.jobs.resume(receipt["job_id"])
        return *counted, answer["status"]

    ended = {"pause": "completed", "cancel": "cancelled"}
    assert play(scenario, registry(act=failing)) == (1, 0, 1, 0, ended[verb])


def test_a_short_history_tells_of_as_many_successes_as_a_long_one(play: Play) -> None:
    async def scenario(harness: Harness) -> list[tuple[int, int]]:
        job = a_job("act", input={"ms": 1_000}, repeat={"every": 10_000, "limit": 3})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await until_status(harness, receipt["job_id"], "running")
        await harness.ductape.jobs.cancel(receipt["job_id"], run_only=True)
        await until_status(harness, receipt["job_id"], "completed")
        long = await harness.ductape.jobs.history(receipt["job_id"])
        short = await harness.ductape.jobs.history(receipt["job_id"], limit=1)
        return [(one["total_executions"], one["successful_executions"]) for one in (long, short)]

    assert play(scenario, registry(act=sleeper)) == [(3, 2), (3, 2)]


def test_a_cancelled_recurrence_can_be_run_once_more(play: Play) -> None:
    async def scenario(harness: Harness) -> list[object]:
        later = harness.clock.now_ms() + 60_000
        job = a_job("act", start_at=later, repeat={"every": 60_000})
        receipt = await harness.ductape.processor.job.dispatch(job)
        job_id = receipt["job_id"]
        await harness.ductape.jobs.cancel(job_id)
        answer = await harness.ductape.jobs.retry(job_id)
        result = await harness.ductape.processor.job.wait(job_id)
        view = await until_status(harness, job_id, "cancelled")
        return [answer["changed"], result, view["execution_count"]]

    assert play(scenario, registry(act=sleeper)) == [True, "slept", 1]


def test_a_recurring_job_is_retried_at_once_or_not_at_all(play: Play) -> None:
    async def scenario(harness: Harness) -> str | None:
        job = a_job("act", repeat={"every": 60_000})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await until_status(harness, receipt["job_id"], "scheduled")
        with pytest.raises(ValidationError) as caught:
            await harness.ductape.jobs.retry(receipt["job_id"], delay=2_000)
        return caught.value.path

    assert play(scenario, registry(act=unlucky_twice)) == "delay"


def test_the_usual_time_out_given_is_the_same_request(play: Play) -> None:
    async def scenario(harness: Harness) -> list[object]:
        dispatch = harness.ductape.processor.job.dispatch
        first = await dispatch(a_job("act", key="a"))
        again = [
            (await dispatch(a_job("act", key="a", **parts)))["job_id"]
            for parts in ({"timeout": 60_000}, {"timeout": None}, {"timeout": 60_000})
        ]
        with pytest.raises(Conflict):
            await dispatch(a_job("act", key="a", timeout=60_001))
        return [one == first["job_id"] for one in again]

    assert play(scenario, registry(act=sleeper)) == [True, True, True]


def test_a_handler_may_tell_that_it_is_alive_with_await_or_without(play: Play) -> None:
    async def alive(ctx: AsyncContext) -> str:
        ctx.heartbeat()
        await ctx.heartbeat()
        return "alive"

    async def scenario(harness: Harness) -> object:
        return await harness.ductape.processor.job.schedule(a_job("act"))

    assert play(scenario, registry(act=alive)) == "alive"


def test_a_handler_may_refuse_its_input_in_a_sentence(play: Play) -> None:
    async def refuse() -> None:
        raise ValidationError("the amount must be positive")

    async def scenario(harness: Harness) -> tuple[object, ...]:
        receipt = await harness.ductape.processor.job.dispatch(a_job("act", retries=3))
        view = await until_status(harness, receipt["job_id"], "failed")
        error = view["last_error"]
        assert error is not None
        return error["code"], error["message"], len(view["attempts"])

    said = ("VALIDATION_ERROR", "the amount must be positive", 1)
    assert play(scenario, registry(act=refuse)) == said


def test_a_provider_s_error_has_the_code_it_was_given() -> None:
    assert ProviderError("TIMEOUT", "too slow").code == "TIMEOUT"
    assert ProviderError.code == "PROVIDER_ERROR"

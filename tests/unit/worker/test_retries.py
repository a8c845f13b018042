import pytest

from ductape import Abort, JobFailed, ProviderError, Retry, ValidationError
from ductape.handlers.python import AsyncContext
from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry, statuses, until_status
from tests.unit.worker.conftest import Play


class _Starts:
    """Fails so many times, noting when each attempt began."""

    def __init__(self, *errors: Exception) -> None:
        self.at_ms: list[int] = []
        self._errors = list(errors)
        self.harness: Harness | None = None

    async def act(self, ctx: AsyncContext) -> str:
        assert self.harness is not None
        self.at_ms.append(self.harness.clock.now_ms())
        if len(self.at_ms) <= len(self._errors):
            raise self._errors[len(self.at_ms) - 1]
        return f"attempt {ctx.attempt}"

    def waits_ms(self) -> list[int]:
        return [later - earlier for earlier, later in zip(self.at_ms, self.at_ms[1:], strict=False)]


def _outcome(play: Play, starts: _Starts, **parts: object) -> object:
    async def scenario(harness: Harness) -> object:
        starts.harness = harness
        try:
            return await harness.ductape.processor.job.schedule(a_job(**parts))
        except JobFailed as error:
            return error

    return play(scenario, registry(act=starts.act))


CALM = {"jitter": False}


def test_retries_are_attempts_beyond_the_first(play: Play) -> None:
    starts = _Starts(*[RuntimeError("no")] * 9)
    outcome = _outcome(play, starts, retries=3)
    assert isinstance(outcome, JobFailed)
    assert len(starts.at_ms) == len(outcome.attempts) == 4
    assert outcome.error["code"] == "HANDLER_ERROR"


def test_without_retries_there_is_one_attempt(play: Play) -> None:
    starts = _Starts(RuntimeError("no"))
    assert isinstance(_outcome(play, starts), JobFailed)
    assert len(starts.at_ms) == 1


def test_waits_double_up_to_the_longest(play: Play) -> None:
    starts = _Starts(*[RuntimeError("no")] * 4)
    config = {"initialDelay": 100, "maxDelay": 350, **CALM}
    assert _outcome(play, starts, retries=4, retryConfig=config) == "attempt 5"
    assert starts.waits_ms() == [pytest.approx(ms, abs=5) for ms in (100, 200, 350, 350)]


def test_jitter_only_ever_adds(play: Play) -> None:
    starts = _Starts(*[RuntimeError("no")] * 6)
    config = {"initialDelay": 1_000, "backoffMultiplier": 1, "jitterPercent": 0.5}
    _outcome(play, starts, retries=6, retryConfig=config)
    assert all(1_000 <= ms <= 1_510 for ms in starts.waits_ms())
    assert len(set(starts.waits_ms())) > 1


def test_a_handler_may_say_how_long_to_wait(play: Play) -> None:
    starts = _Starts(Retry(after=7_000))
    assert _outcome(play, starts, retries=1, retryConfig=CALM) == "attempt 2"
    assert starts.waits_ms() == [pytest.approx(7_000, abs=5)]


def test_retry_is_bounded_by_the_retries(play: Play) -> None:
    outcome = _outcome(play, _Starts(Retry(after=1), Retry(after=1)), retries=1)
    assert isinstance(outcome, JobFailed)
    assert outcome.error["code"] == "RETRY"


def test_a_provider_s_retry_after_is_a_lower_bound(play: Play) -> None:
    starts = _Starts(ProviderError("RATE_LIMITED", "slow down", retry_after_ms=9_000))
    assert _outcome(play, starts, retries=1) == "attempt 2"
    assert 9_000 <= starts.waits_ms()[0] <= 9_010


def test_abort_ends_the_run_at_once(play: Play) -> None:
    starts = _Starts(Abort("no such customer"))
    outcome = _outcome(play, starts, retries=5)
    assert isinstance(outcome, JobFailed)
    assert (outcome.error["code"], outcome.error["message"]) == ("ABORTED", "no such customer")
    assert len(starts.at_ms) == 1


def test_a_bad_input_is_not_tried_again(play: Play) -> None:
    fault = {"path": "a", "expected": "b", "found": "c", "message": "a: expected b, found c"}
    starts = _Starts(ValidationError([fault]))  # pyright: ignore[reportArgumentType]
    assert isinstance(_outcome(play, starts, retries=5), JobFailed)
    assert len(starts.at_ms) == 1


def test_a_code_that_the_caller_lists_is_tried_again(play: Play) -> None:
    starts = _Starts(ProviderError("FORBIDDEN", "not yet"))
    config = {"retryableErrors": ["FORBIDDEN"]}
    assert _outcome(play, starts, retries=1, retryConfig=config) == "attempt 2"


def test_a_code_that_the_caller_excludes_is_not_tried_again(play: Play) -> None:
    starts = _Starts(RuntimeError("no"))
    config = {"nonRetryableErrors": ["HANDLER_ERROR"]}
    assert isinstance(_outcome(play, starts, retries=5, retryConfig=config), JobFailed)


def test_every_attempt_has_the_same_idempotency_key(play: Play) -> None:
    keys: list[str] = []

    async def act(ctx: AsyncContext) -> str:
        keys.append(ctx.idempotency_key)
        if ctx.attempt < 3:
            raise RuntimeError("again")
        return ctx.job_id

    async def scenario(harness: Harness) -> object:
        return await harness.ductape.processor.job.schedule(a_job(retries=2))

    job_id = play(scenario, registry(act=act))
    assert keys == [f"{job_id}:1"] * 3


def test_a_waiting_retry_shows_as_scheduled_with_its_error(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        starts.harness = harness
        config = {"initialDelay": 60_000, **CALM}
        job = a_job(retries=1, retryConfig=config)
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.until(lambda: starts.at_ms)
        view = await until_status(harness, receipt["job_id"], "scheduled")
        assert view["last_error"] is not None
        assert view["last_error"]["message"] == "no"
        assert view["next_run_at"] == pytest.approx(starts.at_ms[0] + 60_000, abs=5)
        view = await until_status(harness, receipt["job_id"], "completed")
        assert (statuses(view), view["retry_count"]) == (["failed", "completed"], 1)

    starts = _Starts(RuntimeError("no"))
    play(scenario, registry(act=starts.act))


def test_a_failed_attempt_keeps_its_traceback(play: Play) -> None:
    outcome = _outcome(play, _Starts(RuntimeError("no")))
    assert isinstance(outcome, JobFailed)
    assert "raise self._errors" in str(outcome.error["traceback"])


def test_a_run_that_was_tried_and_gave_way_to_a_new_definition_has_a_history(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        starts.harness = harness
        job = harness.ductape.processor.job
        config = {"initialDelay": 60_000}
        whole = a_job(key="k", retries=1, retryConfig=config, repeat={"every": 3_600_000})
        receipt = await job.dispatch(whole)
        await harness.until(lambda: starts.at_ms)
        await until_status(harness, receipt["job_id"], "scheduled")
        await job.dispatch({**whole, "input": {"new": True}})
        await harness.quiet()
        history = await harness.ductape.jobs.history(receipt["job_id"])
        found = [(one["number"], one["status"]) for one in history["executions"]]
        assert found == [(2, "completed"), (1, "cancelled")]

    starts = _Starts(RuntimeError("no"))
    play(scenario, registry(act=starts.act))


def test_every_attempt_carries_the_same_input_under_the_same_key(play: Play) -> None:
    """Also what `$Now()` brings into it: providers refuse another body under a key they know."""
    sent: list[tuple[str, object]] = []

    async def act(given: dict[str, object], ctx: AsyncContext) -> None:
        sent.append((ctx.idempotency_key, given["at"]))
        if len(sent) < 3:
            raise RuntimeError("no")

    async def scenario(harness: Harness) -> None:
        await harness.ductape.processor.job.schedule(a_job(retries=2, input={"at": "$Now()"}))

    play(scenario, registry(act=act))
    assert len(sent) == 3
    assert len(set(sent)) == 1

"""The probe of an open breaker that ends without a word about its provider: the next one probes.

A cool-down is 30 s here, and a probe that nobody heard of again counts as lost after ten minutes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ductape import Handlers, JobCancelled, ProviderError
from ductape.testing import Harness, run
from tests.unit.worker.builders import PRODUCT, a_job, until_status

Part = dict[str, Any]
COOLDOWN_MS = 30_000
LOST_MS = 600_000
STEPWISE = pytest.mark.parametrize("stepwise", [False, True])


class Provider:
    """Fails with the codes that it is told, then answers; `HANG` lets it take its time."""

    def __init__(self) -> None:
        self.says = ["SERVICE_UNAVAILABLE"]
        self.asked = 0
        self.handlers = Handlers()
        self.handlers.job("first")(self._first)
        self.handlers.job("second")(self._second)

    async def _first(self) -> str:
        self.asked += 1
        said = self.says.pop(0) if self.says else None
        if said == "HANG":
            await asyncio.sleep(120)
        elif said is not None:
            raise ProviderError(said, "no")
        return "one"

    async def _second(self) -> str:
        return "two"


@pytest.fixture
def provider() -> Provider:
    return Provider()


def play(
    scenario: Callable[[Harness], Awaitable[None]],
    folder: Path,
    provider: Provider,
    *,
    stepwise: bool,
    **parts: object,
) -> None:
    """Give a scenario a fallback, of which the first option is a job or a feature around it."""
    event: Part = {"type": "job", "event": "first"}
    if stepwise:
        event = {"type": "feature", "event": "steps"}
    breaker = {"failures": 1, "cooldown": COOLDOWN_MS}
    listed: list[Part] = [
        {**event, "tag": "flaky", "breaker": breaker, "timeout": LOST_MS, **parts},
        {"type": "job", "event": "second"},
    ]
    nap = {"type": "sleep", "input": {"ms": 60_000}}
    steps = [{"event": "first"}] if "nap" not in parts else [nap, {"event": "first"}]
    listed[0].pop("nap", None)
    product = {
        **PRODUCT,
        "features": [{"tag": "steps", "sequence": [{"tag": "main", "events": steps}]}],
        "fallbacks": [{"tag": "somehow", "options": listed}],
    }
    run(scenario, folder, handlers=provider.handlers, product=product)


async def answer(harness: Harness) -> Part:
    result: Any = await harness.ductape.processor.job.schedule(a_job("somehow", timeout=LOST_MS))
    return result


async def opened(harness: Harness) -> None:
    """Open the breaker, and let it cool down."""
    assert (await answer(harness))["provider"] == "second"
    assert (await answer(harness))["failures"][0]["code"] == "CIRCUIT_OPEN"
    await harness.sleep(COOLDOWN_MS)


async def dispatched(harness: Harness) -> str:
    job = a_job("somehow", timeout=LOST_MS)
    return (await harness.ductape.processor.job.dispatch(job))["job_id"]


@STEPWISE
@pytest.mark.parametrize("code", ["VALIDATION_ERROR", "NOT_FOUND", "QUOTA_EXCEEDED"])
def test_a_probe_that_was_refused_is_followed_by_another(
    folder: Path,
    provider: Provider,
    stepwise: bool,  # noqa: FBT001 (a parameter)
    code: str,
) -> None:
    provider.says.append(code)

    async def scenario(harness: Harness) -> None:
        await opened(harness)
        assert (await answer(harness))["failures"][0]["code"] == code
        assert (await answer(harness))["provider"] == "flaky"

    play(scenario, folder, provider, stepwise=stepwise)


@STEPWISE
def test_a_probe_whose_job_is_cancelled_is_followed_by_another(
    folder: Path,
    provider: Provider,
    stepwise: bool,  # noqa: FBT001 (a parameter)
) -> None:
    provider.says.append("HANG")

    async def scenario(harness: Harness) -> None:
        await opened(harness)
        job_id = await dispatched(harness)
        await harness.until(lambda: provider.asked == 2)
        await harness.ductape.jobs.cancel(job_id)
        with pytest.raises(JobCancelled):
            await harness.ductape.processor.job.wait(job_id)
        assert (await answer(harness))["provider"] == "flaky"

    play(scenario, folder, provider, stepwise=stepwise)


@STEPWISE
def test_a_probe_that_a_stopping_worker_interrupts_is_followed_by_another(
    folder: Path,
    provider: Provider,
    stepwise: bool,  # noqa: FBT001 (a parameter)
) -> None:
    provider.says.append("HANG")

    async def scenario(harness: Harness) -> None:
        await opened(harness)
        job_id = await dispatched(harness)
        await harness.until(lambda: provider.asked == 2)
        await harness.ductape._workers["default"].stop(grace_ms=100)
        async with harness.neighbour() as other:
            result: Any = await other.processor.job.wait(job_id)
        assert result["provider"] == "flaky"

    play(scenario, folder, provider, stepwise=stepwise)


@STEPWISE
def test_a_probe_that_takes_too_long_opens_the_breaker_again(
    folder: Path,
    provider: Provider,
    stepwise: bool,  # noqa: FBT001 (a parameter)
) -> None:
    provider.says.append("HANG")

    async def scenario(harness: Harness) -> None:
        await opened(harness)
        for code in ("TIMEOUT", "CIRCUIT_OPEN"):
            assert (await answer(harness))["failures"][0]["code"] == code

    play(scenario, folder, provider, stepwise=stepwise, timeout=5_000)


def test_a_probe_that_was_held_and_then_refused_is_followed_by_another(
    folder: Path, provider: Provider
) -> None:
    provider.says.append("VALIDATION_ERROR")

    async def scenario(harness: Harness) -> None:
        await opened(harness)
        assert (await answer(harness))["failures"][0]["code"] == "VALIDATION_ERROR"
        assert (await answer(harness))["provider"] == "flaky"

    play(scenario, folder, provider, stepwise=True, nap=True)


def test_a_probe_that_is_cancelled_while_it_is_held_is_followed_by_another(
    folder: Path, provider: Provider
) -> None:
    async def scenario(harness: Harness) -> None:
        await opened(harness)
        job_id = await dispatched(harness)
        await until_status(harness, job_id, "scheduled")
        await harness.ductape.jobs.cancel(job_id)
        await until_status(harness, job_id, "cancelled")
        assert (await answer(harness))["provider"] == "flaky"

    play(scenario, folder, provider, stepwise=True, nap=True)


def test_a_probe_that_was_held_and_then_answers_closes_the_breaker(
    folder: Path, provider: Provider
) -> None:
    async def scenario(harness: Harness) -> None:
        await opened(harness)
        job_id = await dispatched(harness)
        await until_status(harness, job_id, "scheduled")
        assert (await answer(harness))["failures"][0]["code"] == "CIRCUIT_OPEN"
        await harness.ductape.processor.job.wait(job_id)
        answers = await asyncio.gather(answer(harness), answer(harness))
        assert [one["provider"] for one in answers] == ["flaky", "flaky"]

    play(scenario, folder, provider, stepwise=True, nap=True)

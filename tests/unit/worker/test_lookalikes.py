"""What a user's value may look like: it is never read as a mark of our own."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ductape import Handlers
from ductape.testing import Harness, run
from tests.unit.worker.builders import PRODUCT, a_job, until_status

Part = dict[str, Any]
ALIKE: Part = {"$sealed": "eA==", "place": "job/1/result"}
CACHED = {"product_tag": "shop", "cache_tag": "quick"}


class Told:
    """What handlers were given; `ask` answers with what looks like an envelope."""

    def __init__(self) -> None:
        self.given: list[object] = []
        self.handlers = Handlers()
        self.handlers.job("ask")(self._ask)
        self.handlers.job("take")(self._take)

    async def _ask(self) -> Part:
        self.given.append("asked")
        return ALIKE

    async def _take(self, given: Part) -> None:
        self.given.append(given)


@pytest.fixture
def told() -> Told:
    return Told()


def play(
    folder: Path, told: Told, scenario: Callable[[Harness], Awaitable[None]], *features: Part
) -> None:
    run(scenario, folder, handlers=told.handlers, product={**PRODUCT, "features": list(features)})


def feature(tag: str, *events: Part, **parts: object) -> Part:
    return {"tag": tag, "sequence": [{"tag": "main", "events": list(events)}], **parts}


@pytest.mark.parametrize("sensitive", [False, True])
@pytest.mark.parametrize("cache", [{}, {"cache": "quick"}])
def test_a_step_s_result_that_looks_sealed_is_passed_on_as_it_is(
    folder: Path, told: Told, cache: Part, *, sensitive: bool
) -> None:
    nap = {"type": "sleep", "input": {"ms": 1_000}}
    take = {"event": "take", "input": {"got": "$Sequence{main}{ask}"}}
    order = feature("order", {"event": "ask", **cache}, nap, take, sensitive=sensitive)

    async def scenario(harness: Harness) -> None:
        for _ in range(2):
            job_id = (await harness.ductape.processor.job.dispatch(a_job("order")))["job_id"]
            await until_status(harness, job_id, "completed")
            [ask, *_] = await harness.ductape.jobs.steps(job_id)
            assert ask["result"] == ALIKE

    play(folder, told, scenario, order)
    assert [given for given in told.given if given != "asked"] == [{"got": ALIKE}] * 2


def test_a_run_s_result_that_looks_sealed_is_told_and_remembered_as_it_is(
    folder: Path, told: Told
) -> None:
    async def scenario(harness: Harness) -> None:
        processor, jobs = harness.ductape.processor.job, harness.ductape.jobs
        for _ in range(2):
            job_id = (await processor.dispatch(a_job("ask", cache="quick")))["job_id"]
            assert await processor.wait(job_id) == ALIKE
            assert (await jobs.get(job_id))["result"] == ALIKE
            assert (await jobs.history(job_id))["executions"][0]["result"] == ALIKE
        [entry] = await harness.ductape.caches.values(CACHED)
        assert entry["value"] == ALIKE

    play(folder, told, scenario)
    assert told.given == ["asked"]


def test_what_a_sensitive_feature_remembers_answers_a_plain_job_as_it_was(
    folder: Path, told: Told
) -> None:
    order = feature("order", {"event": "ask", "cache": "quick"}, sensitive=True)

    async def scenario(harness: Harness) -> None:
        processor = harness.ductape.processor.job
        await processor.schedule(a_job("order"))
        assert await processor.schedule(a_job("ask", cache="quick")) == ALIKE

    play(folder, told, scenario, order)
    assert told.given == ["asked"]


def test_a_signal_that_looks_sealed_is_received_as_it_is(folder: Path, told: Told) -> None:
    wait = {"type": "wait", "event": "go", "tag": "go"}
    nap = {"type": "sleep", "input": {"ms": 1_000}}
    order = feature("order", wait, nap, output="$Sequence{main}{go}")

    async def scenario(harness: Harness) -> None:
        processor = harness.ductape.processor.job
        job_id = (await processor.dispatch(a_job("order")))["job_id"]
        await harness.ductape.features.signal(job_id, "go", ALIKE)
        assert await processor.wait(job_id) == ALIKE

    play(folder, told, scenario, order)

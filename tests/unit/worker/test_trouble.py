"""An outage in the log: once when it begins, once a minute while it lasts, once when it ends."""

import logging
from collections.abc import Sequence

import pytest

from ductape import FeatureContext, Handlers, WorkerOptions
from ductape.domain.change import RunRef
from ductape.domain.steps import Step
from ductape.errors import StoreError
from ductape.testing import Harness
from ductape.worker.trouble import Trouble
from tests.unit.worker.builders import a_job
from tests.unit.worker.conftest import Play

NOW_MS = 1_700_000_000_000


class Clock:
    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


def test_trouble_is_told_as_it_begins_each_minute_and_as_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    trouble = Trouble("heartbeat", clock)
    trouble.ends()
    for _ in range(14):
        trouble.lasts("no line")
        clock.ms += 10_000
    trouble.ends()
    trouble.ends()
    assert caplog.messages == [
        "heartbeat failed: no line",
        "heartbeat fails for 60 s now: no line",
        "heartbeat fails for 120 s now: no line",
        "heartbeat works again after 140 s",
    ]


def test_the_upkeep_tells_of_an_outage_once_a_minute(
    play: Play, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(harness: Harness) -> None:
        fleet = harness.ductape.core.store.fleet
        lost = fleet.lost

        async def away(**_: int) -> list[object]:
            raise StoreError("the server is out of reach")

        monkeypatch.setattr(fleet, "lost", away)
        await harness.sleep(90_000)
        monkeypatch.setattr(fleet, "lost", lost)
        await harness.sleep(5_000)

    with caplog.at_level(logging.WARNING):
        play(scenario, Handlers(), worker=WorkerOptions(upkeep_ms=1_000))
    told = [one for one in caplog.messages if one.startswith("upkeep")]
    assert len(told) == 3, told
    assert told[-1].startswith("upkeep works again after")


def test_steps_that_cannot_be_recorded_for_long_are_no_line_a_second(
    play: Play, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    handlers = Handlers()

    @handlers.feature("onboard")
    async def onboard(ctx: FeatureContext) -> object:
        return await ctx.step("one", lambda: "done")

    async def scenario(harness: Harness) -> object:
        steps = harness.ductape.core.store.steps
        record, since_ms = steps.record, harness.clock.now_ms()

        async def away(ref: RunRef, changed: Sequence[Step]) -> bool:
            if harness.clock.now_ms() < since_ms + 30_000:
                raise StoreError("the server is out of reach")
            return await record(ref, changed)

        monkeypatch.setattr(steps, "record", away)
        return await harness.ductape.processor.job.schedule(a_job("onboard"))

    with caplog.at_level(logging.WARNING):
        assert play(scenario, handlers) == "done"
    told = [one for one in caplog.messages if one.startswith("recording the steps of job")]
    assert [one.split()[6:8] for one in told] == [["failed:", "the"], ["works", "again"]]

"""An outage in the log: once when it begins, once a minute while it lasts, once when it ends."""

import logging

import pytest

from ductape import Handlers, WorkerOptions
from ductape.errors import StoreError
from ductape.testing import Harness
from ductape.worker.trouble import Trouble
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

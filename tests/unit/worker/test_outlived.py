"""A worker whose program a migration has made too old ends by itself, and says so once."""

import asyncio
import logging
from typing import Any

import pytest

from ductape import WorkerOptions
from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry, sleeper
from tests.unit.worker.conftest import Play

SAID = "the database has schema 99, this version knows"
MOST_S = 3.0
"""The upkeep looks every two seconds."""


async def migrate_away(harness: Harness) -> None:
    """Do what a newer program's migration does that leaves this one behind."""

    def step(connection: Any) -> None:  # noqa: ANN401 (the store's connection)
        connection.execute("PRAGMA user_version = 99")

    await harness.ductape.core.store._engine.write(step)


async def ended(harness: Harness) -> str:
    async with asyncio.timeout(MOST_S):
        return (await harness.ductape.outlived()).message


def test_it_ends_leaves_its_runs_to_others_and_says_so_once(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    stopped: list[str] = []

    async def held() -> None:
        try:
            await asyncio.sleep(3_600)
        finally:
            stopped.append("held")

    async def scenario(harness: Harness) -> None:
        await harness.ductape.processor.job.dispatch(a_job("held"))
        await harness.sleep(1_000)
        await migrate_away(harness)
        assert SAID in await ended(harness)
        await harness.sleep(600_000)
        assert stopped == ["held"]

    with caplog.at_level(logging.WARNING):
        play(scenario, registry(held=held), worker=WorkerOptions(grace_ms=1_000))
    said = [one for one in caplog.records if SAID in one.getMessage()]
    assert [one.getMessage().split()[2] for one in said if one.levelno == logging.ERROR].count(
        "ends:"
    ) == 1
    assert len(said) < 5


def test_whoever_is_told_to_stop_beside_it_stops_in_peace(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        await migrate_away(harness)
        await ended(harness)

    play(scenario, registry(sleeper=sleeper))


def test_one_that_serves_the_schema_is_waited_for_in_vain(play: Play) -> None:
    async def scenario(harness: Harness) -> bool:
        waiting = asyncio.create_task(harness.ductape.outlived())
        await harness.sleep(600_000)
        waiting.cancel()
        return waiting.done()

    assert not play(scenario, registry(sleeper=sleeper))


def test_of_no_worker_none_ends(play: Play) -> None:
    async def scenario(harness: Harness) -> bool:
        waiting = asyncio.create_task(harness.ductape.outlived())
        await harness.sleep(1_000)
        return waiting.cancel()

    assert play(scenario, registry(sleeper=sleeper), worker=False)

"""Turns of which nobody knows whether they were committed: no run is left in limbo by them."""

import asyncio
from collections.abc import Sequence

import pytest

from ductape import WorkerOptions
from ductape.domain.change import Settlement
from ductape.domain.job import Claim
from ductape.errors import StoreError
from ductape.ports.stores.claims import Turn, Wish
from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry, sleeper, statuses, until_status
from tests.unit.worker.conftest import Play


class _Faulty:
    """Passes turns on to a store, and loses the answer of the first that claims something."""

    def __init__(self, harness: Harness, *, hangs: bool = False) -> None:
        self._claims = harness.ductape.core.store.claims
        self._turn = self._claims.turn
        self._hangs = hangs
        self.lost_ms = 0
        self._clock = harness.clock
        self._claims.turn = self.turn

    async def turn(self, wish: Wish, settlements: Sequence[Settlement], *, now_ms: int) -> Turn:
        turn = await self._turn(wish, settlements, now_ms=now_ms)
        if not turn.claims or self.lost_ms:
            return turn
        self.lost_ms = self._clock.now_ms()
        if self._hangs:
            await asyncio.Event().wait()
        raise StoreError("the connection is gone")


def test_what_a_turn_claimed_is_begun_though_its_answer_was_lost(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        faulty = _Faulty(harness)
        receipt = await harness.ductape.processor.job.dispatch(a_job("sleeper"))
        view = await until_status(harness, receipt["job_id"], "completed")
        assert statuses(view) == ["completed"]
        assert faulty.lost_ms > 0
        assert harness.clock.now_ms() - faulty.lost_ms < 5_000

    play(scenario, registry(sleeper=sleeper))


def test_it_is_begun_once_among_many(play: Play) -> None:
    begun: list[int] = []

    async def act(input: dict[str, int]) -> None:  # noqa: A002 (a handler's own name for it)
        begun.append(input["at"])
        await asyncio.sleep(3)

    async def scenario(harness: Harness) -> None:
        jobs = harness.ductape.processor.job
        before = [await jobs.dispatch(a_job("act", input={"at": at})) for at in range(5)]
        await harness.sleep(100)
        _Faulty(harness)
        after = [await jobs.dispatch(a_job("act", input={"at": at})) for at in range(5, 10)]
        for receipt in before + after:
            await until_status(harness, receipt["job_id"], "completed")

    play(scenario, registry(act=act))
    assert sorted(begun) == list(range(10))


def test_a_turn_that_hangs_is_given_up_after_one_lease(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        faulty = _Faulty(harness, hangs=True)
        receipt = await harness.ductape.processor.job.dispatch(a_job("sleeper"))
        view = await until_status(harness, receipt["job_id"], "completed")
        assert statuses(view) == ["interrupted", "completed"]
        assert 0 < harness.clock.now_ms() - faulty.lost_ms < 40_000

    play(scenario, registry(sleeper=sleeper))


def test_a_commit_that_lands_after_its_turn_was_given_up_is_found_as_well(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        faulty = _Faulty(harness)
        claims = harness.ductape.core.store.claims
        seen = claims.claimed

        async def seen_late(worker: str, *, at_ms: int) -> list[Claim]:
            late = harness.clock.now_ms() - faulty.lost_ms > 5_000
            return await seen(worker, at_ms=at_ms) if late else []

        claims.claimed = seen_late
        receipt = await harness.ductape.processor.job.dispatch(a_job("sleeper"))
        view = await until_status(harness, receipt["job_id"], "completed")
        assert statuses(view) == ["completed"]
        assert 5_000 < harness.clock.now_ms() - faulty.lost_ms < 10_000

    play(scenario, registry(sleeper=sleeper))


@pytest.mark.parametrize("lost", ["retry", "fail"])
def test_a_run_whose_time_has_gone_by_before_it_was_heard_of_is_claimed_anew(
    play: Play, lost: str
) -> None:
    async def scenario(harness: Harness) -> None:
        _Faulty(harness, hangs=True)
        job = a_job("sleeper", input={"ms": 5_000}, timeout=6_000, onLost=lost)
        receipt = await harness.ductape.processor.job.dispatch(job)
        view = await until_status(harness, receipt["job_id"], "completed")
        assert statuses(view) == ["interrupted", "completed"]

    play(scenario, registry(sleeper=sleeper), worker=WorkerOptions(lease_ms=4_000, grace_ms=60_000))

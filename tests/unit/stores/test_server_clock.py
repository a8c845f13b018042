"""The server's clock as this machine knows it: never ahead, hardly behind, whatever happens.

The server is simulated: its time is that of the ticks plus a difference that a test may change, and
questions and answers take as long as a test says. All figures are nanoseconds unless named.
"""

import asyncio
import logging
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.errors import StoreError
from ductape.stores.postgres.server.clock import (
    DRIFT_PPM,
    LOOKS_WHERE_WANTED,
    ServerClock,
    Span,
    found,
    server_clock,
)

MS = 1_000_000
HOUR = 3_600_000 * MS
NOON = 1_800_000_000_000 * MS

WAYS = st.integers(0, 400 * MS)
PAUSES = st.integers(0, 60_000 * MS)


@dataclass
class Surroundings:
    """A server, the way to it, and this machine's ticks."""

    ticks: int = 5 * HOUR
    server: int = NOON
    there: int = 0
    back: int = 0
    drift_ppm: int = 0
    reachable: bool = True
    looks: list[Span] = field(default_factory=list[Span])

    def now_ns(self) -> int:
        return self.ticks

    def wait(self, span: int) -> None:
        self.ticks += span
        self.server += span + span * self.drift_ppm // 1_000_000

    async def look(self) -> Span:
        if not self.reachable:
            raise StoreError("the server is out of reach", path="store")
        asked = self.ticks
        self.wait(self.there)
        told = self.server
        self.wait(self.back)
        self.looks.append(found(asked_ns=asked, told_ns=told, heard_ns=self.ticks))
        return self.looks[-1]

    async def clock(self) -> ServerClock:
        return await server_clock(self.look, self)

    def behind(self, clock: ServerClock) -> float:
        """Return how many ms a clock is behind the server; below 0 it is ahead."""
        return self.server / MS - clock.now_ms()


async def test_it_tells_the_server_s_time_without_any_clock_of_this_machine() -> None:
    around = Surroundings()
    clock = await around.clock()
    around.wait(1_234 * MS)
    assert NOON // MS + 1_233 <= clock.now_ms() <= NOON // MS + 1_234


async def test_it_is_never_ahead_and_behind_by_no_more_than_the_answer_s_way() -> None:
    around = Surroundings(there=3 * MS, back=40 * MS)
    clock = await around.clock()
    assert 40 <= around.behind(clock) <= 41


async def test_a_slow_answer_does_not_spoil_what_a_quick_one_told() -> None:
    around = Surroundings(back=MS)
    clock = await around.clock()
    around.back = 900 * MS
    await clock.look()
    assert 0 <= around.behind(clock) < 3


async def test_a_quick_answer_mends_what_a_slow_one_told() -> None:
    around = Surroundings(back=900 * MS)
    clock = await around.clock()
    around.back = 0
    await clock.look()
    assert 0 <= around.behind(clock) < 1


@given(
    ways=st.lists(st.tuples(WAYS, WAYS, PAUSES), max_size=20),
    drift_ppm=st.integers(-DRIFT_PPM // 2, DRIFT_PPM // 2),
)
async def test_clocks_that_drift_and_ways_that_differ_never_make_it_early_or_go_back(
    ways: list[tuple[int, int, int]], drift_ppm: int
) -> None:
    around = Surroundings(there=MS, back=MS, drift_ppm=drift_ppm)
    clock = await around.clock()
    last = clock.now_ms()
    for there, back, pause in ways:
        around.there, around.back = there, back
        around.wait(pause)
        unasked = clock.now_ms()
        await clock.look()
        assert last <= unasked <= clock.now_ms()
        assert 0 <= around.behind(clock) <= back / MS + 2
        last = clock.now_ms()


async def test_it_follows_a_server_clock_that_is_set_forward(
    caplog: pytest.LogCaptureFixture,
) -> None:
    around = Surroundings(back=MS)
    clock = await around.clock()
    around.server += HOUR
    assert around.behind(clock) > 3_599_000
    with caplog.at_level(logging.WARNING):
        await clock.look()
    assert 0 <= around.behind(clock) < 2
    assert "the server's clock was set by +3600000 ms" in caplog.text


async def test_it_goes_back_only_as_far_as_a_server_clock_that_is_set_back() -> None:
    around = Surroundings(back=MS)
    clock = await around.clock()
    around.server -= HOUR
    await clock.look()
    assert 0 <= around.behind(clock) < 2


async def test_a_lost_connection_leaves_it_going_by_the_last_difference(
    caplog: pytest.LogCaptureFixture,
) -> None:
    around = Surroundings()
    clock = await around.clock()
    around.reachable = False
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            around.wait(60_000 * MS)
            await clock.look()
    assert 0 <= around.behind(clock) < 60
    assert caplog.text.count("the server's time cannot be read") == 1


async def test_it_is_right_again_when_the_server_is_back() -> None:
    around = Surroundings()
    clock = await around.clock()
    around.reachable = False
    around.wait(HOUR)
    await clock.look()
    around.reachable = True
    await clock.look()
    assert 0 <= around.behind(clock) < 1


async def test_a_server_out_of_reach_gives_no_clock() -> None:
    with pytest.raises(StoreError):
        await Surroundings(reachable=False).clock()


@pytest.mark.parametrize(("age", "asked"), [(4_000 * MS, LOOKS_WHERE_WANTED), (100 * MS, 0)])
async def test_who_waits_for_an_instant_has_an_old_look_renewed(age: int, asked: int) -> None:
    around = Surroundings(back=MS)
    clock = await around.clock()
    serving = asyncio.create_task(clock.serve())
    await asyncio.sleep(0)
    around.wait(age)
    before = len(around.looks)
    clock.sharpen()
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(around.looks) - before == asked
    serving.cancel()

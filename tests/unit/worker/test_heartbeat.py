"""The heartbeat's thread: it beats while the loop turns, and again after the process was frozen."""

import asyncio

from ductape.worker.heartbeat import BEATS_A_LEASE, ThreadHeartbeat

LEASE_MS = 60
PATIENCE_S = 20


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at_ms = 1_000

    def now_ms(self) -> int:
        return self.at_ms


class CountingPulse:
    """Takes every beat, and lets a test wait for the next ones."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._beats: asyncio.Queue[int] = asyncio.Queue()

    def beat(self, worker: str, *, now_ms: int, lease_ms: int) -> bool:  # noqa: ARG002 (the port's)
        self._loop.call_soon_threadsafe(self._beats.put_nowait, now_ms)
        return True

    def close(self) -> None:
        pass

    async def next(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return await self._beats.get()


async def test_it_beats_on_after_a_freeze_longer_than_the_lease() -> None:
    clock, pulse = SetClock(), CountingPulse()
    heart = ThreadHeartbeat(pulse, clock, LEASE_MS, lambda: None)
    heart.start("w")
    assert await pulse.next() == 1_000
    clock.at_ms += 10 * LEASE_MS
    while await pulse.next() != clock.at_ms:
        pass
    await heart.aclose()


async def test_it_does_not_beat_for_a_loop_that_has_not_turned_for_a_lease() -> None:
    clock, pulse = SetClock(), CountingPulse()
    heart = ThreadHeartbeat(pulse, clock, LEASE_MS, lambda: None)
    heart.start("w")
    await pulse.next()
    clock.at_ms += 10 * LEASE_MS
    heart._over.wait(3 * LEASE_MS / BEATS_A_LEASE / 1000)  # the loop stands still meanwhile
    assert pulse._beats.empty()
    await heart.aclose()

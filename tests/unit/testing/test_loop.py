import asyncio
import threading
import time

import pytest

from ductape.testing import START_MS, Stuck, virtual_loop


def test_a_year_passes_at_once() -> None:
    began_s = time.monotonic()
    with virtual_loop() as (loop, clock):
        loop.run_until_complete(asyncio.sleep(365 * 86_400))
        assert clock.now_ms() == START_MS + 365 * 86_400_000
    assert time.monotonic() - began_s < 5


def test_timers_fire_in_the_order_of_their_instants() -> None:
    fired: list[int] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        for seconds in (3, 1, 2):
            loop.call_later(seconds, fired.append, seconds)
        await asyncio.sleep(5)

    with virtual_loop() as (loop, _):
        loop.run_until_complete(scenario())
    assert fired == [1, 2, 3]


def test_a_jump_moves_the_wall_clock_and_no_timer() -> None:
    with virtual_loop(1_000) as (loop, clock):
        clock.jump(-400)
        loop.run_until_complete(asyncio.sleep(1))
        assert clock.now_ms() == 1_000 - 400 + 1_000
        assert loop.time() == 1


def test_waiting_for_nothing_is_told_instead_of_hanging() -> None:
    with virtual_loop() as (loop, _), pytest.raises(Stuck):
        loop.run_until_complete(asyncio.Event().wait())


def test_time_stands_still_while_a_thread_is_at_work() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        release = threading.Event()
        done = asyncio.Event()

        def work() -> None:
            release.wait(10)
            loop.call_soon_threadsafe(done.set)

        thread = threading.Thread(target=work)
        thread.start()
        loop.call_later(3_600, done.set)
        with loop.standing_still():  # pyright: ignore[reportAttributeAccessIssue]
            release.set()
            await done.wait()
        thread.join()
        return loop.time()

    with virtual_loop() as (loop, _):
        assert loop.run_until_complete(scenario()) == 0

"""The sign of life: one lease for the whole worker, renewed off the event loop (SPEC 11).

A thread with a connection of its own renews it, so that a busy loop does not lose its runs; it
stops renewing if the loop has not turned for one lease, so that a stuck one does.
"""

import asyncio
import threading
from collections.abc import Callable

from ductape.ports.clock import Clock
from ductape.ports.stores.fleet import Pulse
from ductape.worker.trouble import Trouble

BEATS_A_LEASE = 3

LeaseLost = Callable[[str], None]
"""Told on the event loop of a worker, by its name, whose lease has run out."""


class ThreadHeartbeat:
    """Beats from a thread."""

    def __init__(self, pulse: Pulse, clock: Clock, lease_ms: int, lost: LeaseLost) -> None:
        """Call `lost` on the event loop when the lease has run out."""
        self._pulse = pulse
        self._clock = clock
        self._lease_ms = lease_ms
        self._lost = lost
        self._trouble = Trouble("heartbeat", clock)
        self._loop = asyncio.get_running_loop()
        self._over = threading.Event()
        self._turned_ms = clock.now_ms()
        self._worker = ""
        self._thread = threading.Thread(target=self._beat, name="ductape-heartbeat", daemon=True)

    def start(self, worker: str) -> None:
        """Begin to beat for a worker, or for its new name."""
        self._worker = worker
        self._turned()
        if not self._thread.is_alive():
            self._thread.start()

    async def aclose(self) -> None:
        """Stop beating."""
        self._over.set()
        if self._thread.is_alive():
            await self._loop.run_in_executor(None, self._thread.join)
        self._pulse.close()

    def _turned(self) -> None:
        self._turned_ms = self._clock.now_ms()

    def _beat(self) -> None:
        while not self._over.wait(self._lease_ms / BEATS_A_LEASE / 1000):
            now_ms = self._clock.now_ms()
            stuck = now_ms - self._turned_ms > self._lease_ms
            self._ask_the_loop()  # it may have been frozen, and turn again now
            if not stuck:  # else others are to have its runs
                self._renew(now_ms)

    def _renew(self, now_ms: int) -> None:
        worker = self._worker
        try:
            alive = self._pulse.beat(worker, now_ms=now_ms, lease_ms=self._lease_ms)
        except Exception as error:  # noqa: BLE001 (the heartbeat thread: the next beat tries again)
            self._trouble.lasts(f"{type(error).__name__}: {error}")
            return
        self._trouble.ends()
        if not alive and not self._over.is_set():
            self._loop.call_soon_threadsafe(self._lost, worker)

    def _ask_the_loop(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._turned)


class LoopHeartbeat:
    """Beats from the event loop itself, for simulated time."""

    def __init__(self, pulse: Pulse, clock: Clock, lease_ms: int, lost: LeaseLost) -> None:
        """Call `lost` when the lease has run out."""
        self._pulse = pulse
        self._clock = clock
        self._lease_ms = lease_ms
        self._lost = lost
        self._task: asyncio.Task[None] | None = None
        self._worker = ""

    def start(self, worker: str) -> None:
        """Begin to beat for a worker, or for its new name."""
        self._worker = worker
        if self._task is None:
            self._task = asyncio.create_task(self._beat())

    async def aclose(self) -> None:
        """Stop beating."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._pulse.close()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._lease_ms / BEATS_A_LEASE / 1000)
            now_ms = self._clock.now_ms()
            if not self._pulse.beat(self._worker, now_ms=now_ms, lease_ms=self._lease_ms):
                self._lost(self._worker)

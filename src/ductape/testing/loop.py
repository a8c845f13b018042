"""An event loop in virtual time: it never waits, it moves its clock to the next timer.

    with virtual_loop() as (loop, clock):
        loop.run_until_complete(scenario(clock))

Everything that sleeps, times out or is due on this loop happens at once and in order, so that a
day of recurrences runs in seconds, the same way each time.
"""

import asyncio
import selectors
from collections.abc import Generator
from contextlib import contextmanager

START_MS = 1_767_225_600_000
"""Where virtual time begins unless told otherwise: 2026-01-01T00:00:00Z."""

RESOLUTION_S = 1e-6
PATIENCE_S = 30.0
"""Real seconds that a thread may take while virtual time stands still."""


class VirtualClock:
    """Implements `ports.clock.Clock`: virtual time since an epoch, plus jumps of the wall clock."""

    def __init__(self, start_ms: int = START_MS) -> None:
        """Begin at `start_ms`, epoch milliseconds."""
        self._start_ms = start_ms
        self._elapsed_s = 0.0
        self._jumped_ms = 0

    def now_ms(self) -> int:
        """Return the wall clock in epoch milliseconds."""
        return self._start_ms + self._jumped_ms + round(self._elapsed_s * 1000)

    def jump(self, by_ms: int) -> None:
        """Set the wall clock forward or back; timers are not moved, as in the real world."""
        self._jumped_ms += by_ms

    def elapsed_s(self) -> float:
        """Return the monotonic time in seconds."""
        return self._elapsed_s

    def advance(self, by_s: float) -> None:
        """Let time pass."""
        self._elapsed_s += by_s


class Stuck(AssertionError):
    """Nothing is due and nobody is ready: the scenario would wait for ever."""


class _VirtualSelector(selectors.SelectSelector):
    """Lets time pass where a real selector would wait."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock
        self.standing = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(PATIENCE_S if self.standing and timeout != 0 else 0)
        if ready or timeout == 0:
            return ready
        if self.standing:
            raise Stuck(f"a thread did not return within {PATIENCE_S:g} real seconds")
        if timeout is None:
            raise Stuck("nothing is due and nobody is ready")
        self._clock.advance(max(timeout, 0))
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is a `VirtualClock`'s."""

    def __init__(self, clock: VirtualClock) -> None:
        """Run on the clock's time."""
        self.clock = clock
        self._virtual = _VirtualSelector(clock)
        super().__init__(self._virtual)
        # After some months of virtual time a float no longer tells the loop's own nanosecond.
        self._clock_resolution = RESOLUTION_S

    def time(self) -> float:
        """Return the virtual monotonic time in seconds."""
        return self.clock.elapsed_s()

    @contextmanager
    def standing_still(self) -> Generator[None]:
        """Let no virtual time pass: something outside the loop, such as a thread, is at work."""
        self._virtual.standing += 1
        try:
            yield
        finally:
            self._virtual.standing -= 1


@contextmanager
def virtual_loop(start_ms: int = START_MS) -> Generator[tuple[VirtualLoop, VirtualClock]]:
    """Give a loop and its clock, beginning at `start_ms`; close the loop after."""
    clock = VirtualClock(start_ms)
    loop = VirtualLoop(clock)
    try:
        yield loop, clock
    finally:
        loop.close()

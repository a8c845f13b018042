"""How fast calls were made, and what of this process's processor time each of them took."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """What so many calls took."""

    rate: float
    """Calls a second."""
    cpu_us: float
    """Processor time of this process a call, in microseconds: it bears a busy machine better."""


class Watch:
    """Runs from its making."""

    def __init__(self) -> None:
        """Begin."""
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()

    def pace(self, count: int) -> Pace:
        """Tell what `count` calls have taken."""
        wall_s = time.perf_counter() - self._wall_s
        cpu_s = time.process_time() - self._cpu_s
        return Pace(count / wall_s, cpu_s / count * 1e6)

"""The real clock and the real chance: the one place that reads them (DESIGN 5)."""

import os
import random
import secrets
import socket
import sys
import time

from ductape.ports.clock import Clock
from ductape.ports.entropy import Entropy
from ductape.ports.stores.fleet import WorkerRecord


class SystemClock:
    """The wall clock of this machine."""

    def now_ms(self) -> int:
        """Return epoch milliseconds."""
        return time.time_ns() // 1_000_000


class SystemTicks:
    """This machine's steady count: nobody can set it, and it goes on while the machine sleeps."""

    def now_ns(self) -> int:
        """Return nanoseconds since the machine was started."""
        if sys.platform == "linux":
            return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return time.monotonic_ns()


class SystemEntropy:
    """The operating system's randomness."""

    def token(self, size: int) -> bytes:
        """Return `size` random bytes, fit for secrets."""
        return secrets.token_bytes(size)

    def draw(self) -> float:
        """Return a number from 0 up to, not including, 1; for jitter only."""
        return random.random()  # noqa: S311 (jitter keeps no secret)


def worker_identity(
    clock: Clock,
    entropy: Entropy,
    *,
    queues: tuple[str, ...],
    handlers: frozenset[str],
    concurrency: int,
) -> WorkerRecord:
    """Name a worker after its host and process, never twice the same."""
    host = socket.gethostname()
    return WorkerRecord(
        id=f"{host}:{os.getpid()}:{entropy.token(4).hex()}",
        host=host,
        pid=os.getpid(),
        queues=queues,
        handlers=tuple(sorted(handlers)),
        concurrency=concurrency,
        started_at_ms=clock.now_ms(),
    )

"""What goes wrong again and again while the store is away: told when it begins, and when it ends.

In between it is told once a minute: a heartbeat of an hour's outage would fill the log.
"""

import logging

from ductape.ports.clock import Clock

TOLD_EVERY_MS = 60_000

log = logging.getLogger("ductape.worker")


class Trouble:
    """One thing that is tried again and again."""

    def __init__(self, what: str, clock: Clock) -> None:
        """Tell of `what`, as `heartbeat`."""
        self._what = what
        self._clock = clock
        self._since_ms: int | None = None
        self._told_ms = 0

    def lasts(self, said: str) -> None:
        """Take note that it failed, and why."""
        now_ms = self._clock.now_ms()
        if self._since_ms is None:
            self._since_ms = now_ms
            log.warning("%s failed: %s", self._what, said)
        elif now_ms - self._told_ms >= TOLD_EVERY_MS:
            log.warning("%s fails for %d s now: %s", self._what, self._lasted_s(now_ms), said)
        else:
            return
        self._told_ms = now_ms

    def ends(self) -> None:
        """Take note that it went well."""
        if self._since_ms is not None:
            now_ms = self._clock.now_ms()
            log.warning("%s works again after %d s", self._what, self._lasted_s(now_ms))
            self._since_ms = None

    def _lasted_s(self, now_ms: int) -> int:
        return (now_ms - (self._since_ms or now_ms)) // 1000

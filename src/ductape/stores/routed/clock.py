"""The time of several stores at once: their clocks may differ, and each worker goes by its own."""

from collections.abc import Collection

from ductape.ports.clock import Clock


class EarliestClock:
    """The earliest of several clocks: what is due now by it is due in every store."""

    def __init__(self, clocks: Collection[Clock]) -> None:
        """Take the clock of each store."""
        self._clocks = tuple(clocks)

    def now_ms(self) -> int:
        """Return epoch milliseconds."""
        return min(clock.now_ms() for clock in self._clocks)

"""Where instants come from: the root wires the system's clock, tests a simulated one."""

from typing import Protocol


class Clock(Protocol):
    """The present instant."""

    def now_ms(self) -> int:
        """Return the wall clock in epoch milliseconds; it may jump."""
        ...

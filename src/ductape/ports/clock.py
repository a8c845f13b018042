"""Where instants come from: the root wires the system's clock, tests a simulated one.

Whose time counts is the store's to say (`ports.stores.Store.clock`, SPEC 3).
"""

from typing import Protocol


class Clock(Protocol):
    """The present instant."""

    def now_ms(self) -> int:
        """Return the wall clock in epoch milliseconds; it may jump."""
        ...


class Ticks(Protocol):
    """A count that goes up at the pace of time, and never jumps: it knows no date."""

    def now_ns(self) -> int:
        """Return nanoseconds since some moment of the past, the same one while we run."""
        ...

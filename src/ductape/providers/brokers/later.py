"""Messages that are to come again after a while, held here unacknowledged. Spans are milliseconds.

Brokers differ in what they can do for a message that failed: some cannot wait, some not count. Held
here it waits and counts the same everywhere; if this process dies, it is the broker's as before.
"""

from asyncio import get_running_loop

from msgspec.structs import replace

from ductape.ports.broker import Delivery

MOST_HELD = 1_000
"""With so many waiting nothing new is fetched."""


class Later:
    """Holds messages until they are due again."""

    def __init__(self) -> None:
        """Begin with none."""
        self._held: dict[str, tuple[float, Delivery]] = {}

    @property
    def full(self) -> bool:
        """Whether no more should be fetched."""
        return len(self._held) >= MOST_HELD

    def put(self, delivery: Delivery, delay_ms: int) -> None:
        """Hold a message for a while; it has been delivered once more then."""
        again = replace(delivery, deliveries=delivery.deliveries + 1)
        self._held[delivery.id] = (get_running_loop().time() + delay_ms / 1000, again)

    def forget(self, message_id: str) -> None:
        """Hold a message no longer: the broker has delivered it anew."""
        self._held.pop(message_id, None)

    def due(self, most: int) -> list[Delivery]:
        """Return the messages that are due, at most so many."""
        now = get_running_loop().time()
        found = [one for at, one in self._held.values() if at <= now][:most]
        for one in found:
            del self._held[one.id]
        return found

    def next_in_ms(self, wait_ms: int) -> int:
        """Return after how long the next one is due, or `wait_ms` if that is sooner."""
        first = min((at for at, _ in self._held.values()), default=None)
        if first is None:
            return wait_ms
        left_ms = int((first - get_running_loop().time()) * 1000) + 1
        return max(min(left_ms, wait_ms), 1)

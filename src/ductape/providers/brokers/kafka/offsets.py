"""How far a partition may be committed: up to the first message that is not done with."""

from collections.abc import Mapping

Partition = tuple[str, int]


class Offsets:
    """Follows the messages of each partition that have been taken.

    >>> offsets = Offsets()
    >>> for at in (5, 6, 7):
    ...     offsets.taken(("orders", 0), at)
    >>> offsets.done(("orders", 0), 6)
    >>> offsets.commits()
    {('orders', 0): 5}
    >>> offsets.done(("orders", 0), 5)
    >>> offsets.commits()
    {('orders', 0): 7}
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._open: dict[Partition, set[int]] = {}
        self._next: dict[Partition, int] = {}

    def taken(self, partition: Partition, offset: int) -> None:
        """Note a message that is in hand."""
        self._open.setdefault(partition, set()).add(offset)
        self._next[partition] = max(self._next.get(partition, 0), offset + 1)

    def done(self, partition: Partition, offset: int) -> None:
        """Note that one is done with."""
        self._open.get(partition, set()).discard(offset)

    def commits(self) -> Mapping[Partition, int]:
        """Return the offset that each partition is to be read from next."""
        return {
            partition: min(self._open[partition], default=after)
            for partition, after in self._next.items()
        }

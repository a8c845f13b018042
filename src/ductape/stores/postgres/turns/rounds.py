"""Where a PostgreSQL worker looks: it goes round the queues, and round the groups of each.

A turn looks at some of many queues, and the next one goes on after the last that had its share.
Where nothing fits in those, all are looked at, until so many fit that some will do again.
"""

from collections.abc import Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.limits.flow import Head, going_round, last_served
from ductape.ports.stores.claims import Wish
from ductape.stores.postgres.limits.room import by_group
from ductape.stores.postgres.rows.values import Row, Values

MOST_HEADS = 64
"""How many groups of a queue a turn looks at; the next turn begins where it stopped as well."""
MOST_QUEUES = 64
"""How many queues a turn looks at, as long as it finds something; the next turn goes on there."""
EVERY_QUEUE = 1_000_000_000


class Groups(Struct, frozen=True):
    """Which groups are asked for: the first of some queues, and those after where looks ended."""

    queues: Sequence[str] = ()
    """The queues that are named; empty for every queue."""
    after: str = ""
    """After which queue to begin where none are named."""
    most: int = MOST_QUEUES
    """How many to look at then."""
    last: Sequence[Head] = ()
    """Where the look at queues with many groups ended before."""

    def values(self) -> Values:
        """Name them in a statement."""
        return {
            "queues": list(self.queues) or None,
            "after": self.after,
            "most_queues": self.most,
            "most": MOST_HEADS,
            **{f"last_{name}": column for name, column in by_group(self.last).items()},
        }


class View(Struct, frozen=True):
    """What waits where it was looked."""

    named: Sequence[str]
    """The queues that were asked for; empty for every queue."""
    heads: Sequence[Head]
    queues: Sequence[str]
    """Where they wait, as whoever goes round meets these queues."""
    after: str | None
    """After which of many queues it began; none where there are few, or some are named."""
    is_part: bool
    """Whether there may be more queues than it shows."""
    long: Collection[str]
    """The queues that have more groups."""

    def among(self, some: Collection[str]) -> "View":
        """Return what it tells of some of its queues."""
        return replace(
            self,
            heads=[head for head in self.heads if head.queue in some],
            queues=[queue for queue in self.queues if queue in some],
            long=[queue for queue in self.long if queue in some],
        )

    def end(self, fit: Collection[str], slots: int) -> str:
        """Return the last queue that so many slots suffice for; `fit`: those that need any."""
        served = [queue for queue in self.queues if queue in fit]
        last = last_served(served, slots) if served else self.queues[-1]
        return self.queues[-1] if last in served[-1:] else last


class Rounds:
    """How far the workers of one process have come."""

    def __init__(self) -> None:
        """Begin with the first queue."""
        self.count = 0
        """How often they came to the same of many queues again."""
        self.after = ""
        """After which queue the next look begins."""
        self._most = MOST_QUEUES
        self._stopped_at: dict[str, Head] = {}
        """Where the look at a queue with many groups ended."""

    def groups(self, wish: Wish) -> Groups:
        """Tell where to look next."""
        return Groups(wish.queues, self.after, self._most, [*self._stopped_at.values()])

    def view(self, groups: Groups, rows: Sequence[Row]) -> View:
        """Read the groups, and remember where the look at a queue with many of them ended."""
        heads = list(dict.fromkeys(Head(*row[:6]) for row in rows))
        met = dict.fromkeys(head.queue for head in heads)
        queues = sorted(met, key=lambda queue: going_round(queue, groups.after))
        is_part = not groups.queues and len(queues) == groups.most
        many = not groups.queues and len(queues) >= MOST_QUEUES
        again = {row[0] for row in rows if row[6]}
        ended = [row for row in rows if row[7] == MOST_HEADS and row[6] == (row[0] in again)]
        long = {row[0]: Head(*row[:6]) for row in ended}
        kept = self._stopped_at if is_part or groups.queues else {}
        others = {queue: head for queue, head in kept.items() if queue not in met}
        self._stopped_at = {**others, **long}
        after = groups.after if many else None
        return View(groups.queues, heads, queues, after, is_part, long.keys())

    def go_on(self, view: View, fit: Collection[str], slots: int) -> None:
        """Let the next look begin after the last queue that has a share; `fit`: those that may."""
        if view.named:
            return
        few = view.after is not None and len(fit) * MOST_QUEUES < len(view.queues)
        self._most = EVERY_QUEUE if few else MOST_QUEUES
        after = "" if view.after is None else view.end(fit, slots)
        self.begin(after, again=not view.is_part)

    def begin(self, after: str, *, again: bool = False) -> None:
        """Let the next look begin after a queue; `again`: what was served will be once more."""
        self.count += again or after < self.after
        self.after = after

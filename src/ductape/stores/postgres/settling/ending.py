"""Ends of runs, which are most settlements: moved into history together, by one statement.

Where a run is an occurrence its recurrence must be as it was when the end was computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ductape.domain.change import RunRef, SettleAnswer, Settlement
from ductape.domain.job import Finished
from ductape.domain.limits.flow import gate_of
from ductape.stores.postgres.rows.values import by_column, ending_columns
from ductape.stores.postgres.server.lines import Asked
from ductape.stores.postgres.server.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Settled:
    """Settlements that were applied."""

    answers: list[SettleAnswer]
    """In the order of the settlements."""
    freed: int
    """How many blocked runs were let go."""

    async def settled(self) -> "Settled":
        """Return it: there is nothing to wait for."""
        return self


Ends = Mapping[int, tuple[RunRef, Finished]]
"""Runs that end, by the places of their settlements."""


def ends_together(settlements: Sequence[Settlement], versions: Mapping[str, int]) -> Ends:
    """Return those that end a run, move its recurrence on and tell followers; of one job the first.

    `versions`: of the recurrences that are held, by job.
    """
    together: dict[int, tuple[RunRef, Finished]] = {}
    seen: set[str] = set()
    for at, one in enumerate(settlements):
        run, done = one.run, one.to
        if run is None or not isinstance(done, Finished) or one.job_id in seen:
            continue
        if not _does_more(one) and _is_as_read(one, versions):
            seen.add(one.job_id)
            together[at] = (run, done)
    return together


def gate_left(settlement: Settlement) -> str | None:
    """Name the gate that a run leaves as it ends or goes back."""
    return None if settlement.to is None else gate_of(settlement.to.spec)


async def end(transaction: Transaction, ends: Sequence[tuple[RunRef, Finished]]) -> set[RunRef]:
    """Move runs into history; return those whose fences held."""
    return await (await send_all(transaction, ends)).held()


async def send_all(transaction: Transaction, ends: Sequence[tuple[RunRef, Finished]]) -> "Ending":
    """Send runs into history."""
    return Ending(ends, await _ask(transaction, ends))


async def send_ends(transaction: Transaction, settlements: Sequence[Settlement]) -> "Ending | None":
    """Send settlements of which none does more than to end a run; nothing is sent otherwise."""
    ends = ends_together(settlements, {})
    if len(ends) < len(settlements) or any(map(_is_followed, settlements)):
        return None
    return await send_all(transaction, [*ends.values()])


class Ending:
    """Ends that were sent; the answer may be yet to come."""

    def __init__(self, ends: Sequence[tuple[RunRef, Finished]], asked: Asked | None) -> None:
        """`asked` is none where nothing was to be ended."""
        self._runs = [run for run, _ in ends]
        self._asked = asked

    async def held(self) -> set[RunRef]:
        """Return the runs whose fences held."""
        if self._asked is None:
            return set()
        named = {(run.job_id, run.number): run for run in self._runs}
        return {named[row[0], row[1]] for row in await self._asked.rows()}

    async def settled(self) -> Settled:
        """Return what came of it."""
        held = await self.held()
        return Settled(["recorded" if run in held else "fenced" for run in self._runs], freed=0)


async def _ask(transaction: Transaction, ends: Sequence[tuple[RunRef, Finished]]) -> Asked | None:
    if not ends:
        return None
    columns = by_column([ending_columns(done, run.fence) for run, done in ends])
    # `unnest` fills up what is shorter: a column of nothing need not be sent.
    told = {
        name: cells if any(cell is not None for cell in cells) else []
        for name, cells in columns.items()
    }
    return await transaction.ask("history", "end", told)


def _does_more(one: Settlement) -> bool:
    """Tell whether a settlement that ends a run changes more than its recurrence."""
    return one.reopens or (one.next_run is not None and one.schedule is None)


def _is_followed(one: Settlement) -> bool:
    """Tell whether others are to hear that a run has ended."""
    cached = one.cache is not None or one.release is not None
    return cached or bool(one.also) or gate_left(one) is not None


def _is_as_read(one: Settlement, versions: Mapping[str, int]) -> bool:
    return one.schedule is None or versions.get(one.job_id) == one.schedule.version - 1

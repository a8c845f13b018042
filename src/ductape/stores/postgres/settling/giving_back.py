"""Runs that go back to wait, for a retry mostly: given back together, by one statement."""

from collections.abc import Mapping, Sequence

from ductape.domain.change import RunRef, Settlement
from ductape.domain.job import Run, under_way
from ductape.stores.postgres.rows.values import Cell, by_column, moving_columns
from ductape.stores.postgres.server.lines import Asked
from ductape.stores.postgres.server.transaction import Transaction

Backs = Mapping[int, tuple[RunRef, Run]]
"""Runs that go back, by the places of their settlements."""


def backs_together(settlements: Sequence[Settlement]) -> Backs:
    """Return those that give a run back and at most let a follower go; of one job the first."""
    together: dict[int, tuple[RunRef, Run]] = {}
    seen: set[str] = set()
    for at, one in enumerate(settlements):
        run, back = one.run, one.to
        if run is None or not isinstance(back, Run) or one.job_id in seen:
            continue
        if not (_does_more(one) or under_way(back)):
            seen.add(one.job_id)
            together[at] = (run, back)
    return together


class GivingBack:
    """Runs that were sent back; the answer may be yet to come."""

    def __init__(self, backs: Sequence[tuple[RunRef, Run]], asked: Asked | None) -> None:
        """`asked` is none where nothing was to go back."""
        self._runs = {(run.job_id, run.number): run for run, _ in backs}
        self._asked = asked

    async def done(self) -> set[RunRef]:
        """Return those that went back: their fences held, and nobody had asked them to stop."""
        rows = [] if self._asked is None else await self._asked.rows()
        return {self._runs[row[0], row[1]] for row in rows}


async def send_back(
    transaction: Transaction, backs: Sequence[tuple[RunRef, Run]], now_ms: int
) -> GivingBack:
    """Send runs back."""
    if not backs:
        return GivingBack(backs, None)
    columns = by_column([back_columns(run, back, now_ms) for run, back in backs])
    return GivingBack(backs, await transaction.ask("runs", "give_back_all", columns))


def back_columns(run: RunRef, back: Run, now_ms: int) -> dict[str, Cell]:
    """Return what changes of a run that goes back, and the fence that must hold."""
    return {
        **moving_columns(back),
        "job_id": run.job_id,
        "number": run.number,
        "fence": run.fence,
        "state": back.state,
        "next_fence": back.fence,
        "now": now_ms,
    }


def _does_more(one: Settlement) -> bool:
    more = one.schedule is not None or one.next_run is not None
    return one.suspends or one.reopens or bool(one.also) or more

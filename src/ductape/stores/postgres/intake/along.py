"""Jobs that turns take along: an idle worker gets one out of the very commit that stores it.

Whoever is about to store a lone job tells the idle workers of its process (`Wake.expect`). The turn
that one of them begins in the next round of the event loop stores the job before it looks for one.
Where no turn comes by, or it fails, the job is stored by itself.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ductape.domain.job import Claim, Run, is_fresh
from ductape.ports.stores.intake import Added

ROUNDS = 2
"""For how many rounds of the event loop a job waits for a turn."""


@dataclass(slots=True, eq=False)
class Rider:
    """A run about to be stored, and where the answer goes: none where it must go by itself."""

    run: Run
    now_ms: int
    product_version: int | None
    answer: asyncio.Future[Added | None]
    tried: bool = False
    """Whether a turn had it: it may be stored although nobody was told."""
    in_doubt: bool = False
    """Whether that turn may have been committed, for all that is known."""

    def arrive(self, claims: Sequence[Claim], *, stored: bool) -> None:
        """Answer once the turn is committed."""
        job_id = self.run.job_id
        begun = any(claim.run.job_id == job_id for claim in claims)
        if not self.answer.done():
            self.answer.set_result(Added("added" if stored else "moved", job_id, begun=begun))

    def stay(self, *, in_doubt: bool = False) -> None:
        """Let the job go by itself."""
        self.in_doubt = in_doubt
        if not self.answer.done():
            self.answer.set_result(None)


class Along:
    """Where the lone job of one process waits for a turn."""

    def __init__(self, announce: Callable[[], bool]) -> None:
        """`announce` tells whether an idle worker asks for what is stored next."""
        self._announce = announce
        self._rider: Rider | None = None

    def board(self, run: Run, now_ms: int, product_version: int | None) -> Rider | None:
        """Have a run wait for a turn; none where nobody asks for it."""
        if self._rider is not None or run.state != "queued" or not is_fresh(run):
            return None
        if not self._announce():
            return None
        loop = asyncio.get_running_loop()
        rider = self._rider = Rider(run, now_ms, product_version, loop.create_future())
        loop.call_soon(self._leave_behind, rider, ROUNDS)
        return rider

    def take(self) -> Rider | None:
        """Take along who waits, unless its caller has gone."""
        rider, self._rider = self._rider, None
        if rider is None or rider.answer.done():
            return None
        rider.tried = True
        return rider

    def _leave_behind(self, rider: Rider, rounds: int) -> None:
        if self._rider is not rider:
            return
        if rounds:
            asyncio.get_running_loop().call_soon(self._leave_behind, rider, rounds - 1)
            return
        self._rider = None
        rider.stay()

"""What failed and may have been committed all the same, its answer lost: turns, and runs at once.

No two turns of a worker are of one instant, so what such a turn has claimed can be asked for by it.
Nobody else would take it: the worker lives, and keeps it from others. Times are milliseconds.
"""

from dataclasses import dataclass

from ductape.domain.job import Claim
from ductape.ports.clock import Clock
from ductape.ports.stores.claims import Claims

DOUBT_MS = 30_000
"""For how long what failed may yet turn out to be committed."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    worker: str
    at_ms: int
    job_id: str | None
    """The one that was to run at once; none of a turn."""


class Doubts:
    """What is to be asked for."""

    def __init__(self, claims: Claims, clock: Clock) -> None:
        """Begin without any."""
        self._claims = claims
        self._clock = clock
        self._doubts: list[_Doubt] = []

    def __len__(self) -> int:
        """Return how many are in doubt."""
        return len(self._doubts)

    def add(self, worker: str, at_ms: int, job_id: str | None = None) -> None:
        """Keep in mind a turn that failed, or a job of which nobody knows whether it was stored."""
        self._doubts.append(_Doubt(worker, at_ms, job_id))

    async def claims(self, worker: str) -> list[Claim]:
        """Return what the first in doubt turns out to have claimed for a worker, once.

        What was asked for under an earlier name is given up, as its lease was. Where the store
        does not answer the doubt remains. Raises `StoreError`.
        """
        self._doubts = [one for one in self._doubts if one.worker == worker]
        if not self._doubts:
            return []
        doubt = self._doubts.pop(0)
        remains = True
        try:
            found = await self._claims.claimed(worker, at_ms=doubt.at_ms)
            claims = [one for one in found if doubt.job_id in (None, one.run.job_id)]
            remains = not claims and self._clock.now_ms() < doubt.at_ms + DOUBT_MS
            return claims
        finally:
            if remains:
                self._doubts.append(doubt)

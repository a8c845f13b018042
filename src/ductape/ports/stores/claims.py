"""Claiming and settling: the hot path, in batches."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ductape.domain.change import RunRef, SettleAnswer, Settlement
from ductape.domain.job import Claim, JobSpec, Progress
from ductape.domain.jsonvalue import JsonValue


class Wish(Struct, frozen=True):
    """What a worker can take on now."""

    worker: str
    queues: tuple[str, ...]
    """Empty for every queue."""
    handlers: frozenset[str]
    """Tags it has, as `job:tag`."""
    slots: int
    suspect: bool = True
    """Whether it may take a run that was lost before: one at a time."""
    ahead_ms: int = 0
    """Runs due within so long may be taken too; whoever takes them waits for their instants."""
    lease_ms: int = 30_000
    grace_ms: int = 30_000


class Turn(Struct, frozen=True):
    """What one transaction settled and claimed."""

    answers: list[SettleAnswer]
    claims: list[Claim]
    next_turn_ms: int | None
    """When another turn is worth taking though nobody asks: `ahead_ms` before the earliest run that
    is not due yet falls due, or when a queue's rate lets the next one start."""
    crowded: bool = False
    """Limits have room again for more runs than this turn claimed: others should look."""
    busy: bool = False
    """Something was in another worker's hands for the moment: look again soon."""
    more: bool = False
    """Another turn would find more to claim at once, as far as can be told."""
    leased: bool = True
    """False: the worker's lease has run out; nothing was claimed, it must register anew."""


class Claims(Protocol):
    """Where runs are taken and given back."""

    @property
    def lanes(self) -> int:
        """How many turns of one worker may be under way at once."""
        ...

    async def turn(self, wish: Wish, settlements: Sequence[Settlement], *, now_ms: int) -> Turn:
        """Settle, promote what fell due, renew the lease and claim, in one transaction."""
        ...

    async def claimed(self, worker: str, *, at_ms: int) -> list[Claim]:
        """List what a worker's turn at that instant has claimed, though its answer was lost."""
        ...

    async def settle(self, settlements: Sequence[Settlement], *, now_ms: int) -> list[SettleAnswer]:
        """Apply settlements, each whole or not at all."""
        ...

    async def note(
        self,
        run: RunRef,
        *,
        now_ms: int,
        checkpoint: JsonValue = None,
        progress: Progress | None = None,
    ) -> bool:
        """Store a checkpoint or progress while the fence holds; tell whether it did."""
        ...

    async def learn(self, run: RunRef, spec: JobSpec) -> bool:
        """Replace what a running run is to do by what was learned of it since it was stored.

        False, and nothing changed, if the fence is lost or somebody has asked to stop it.
        """
        ...

    async def ask_cancel(self, job_id: str, number: int, *, reason: str | None) -> bool:
        """Ask the worker of a running run to stop it; false where it does not run, or was asked."""
        ...

    async def asked_to_stop(self, worker: str) -> list[tuple[RunRef, str | None]]:
        """List this worker's runs that somebody asked to stop, with the reasons."""
        ...

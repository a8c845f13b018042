"""What the store is asked to do to one job, in one step, if nobody was faster.

A settlement is computed from what somebody read (`settlement`, `operations`), so it names what
must still hold: the run's fence, the recurrence's version. The store applies it whole or answers
why not; it decides nothing.
"""

from typing import Literal

from msgspec import Struct

from ductape.domain.job import Finished, Run, Schedule


class RunRef(Struct, frozen=True, gc=False):
    """A run in somebody's hands."""

    job_id: str
    number: int
    fence: int


class CacheEntry(Struct, frozen=True):
    """A result to answer equal inputs with."""

    key: bytes
    product: str
    tag: str
    event: str
    kind: str
    expires_at_ms: int


class CacheLead(Struct, frozen=True):
    """What a run will leave for equal ones, if it completes."""

    key: bytes
    product: str
    tag: str
    event: str
    kind: str
    expiry_ms: int

    def entry(self, completed_at_ms: int) -> CacheEntry:
        """Return what it leaves: it is fresh from the end of the run, however long that took."""
        expires_at_ms = completed_at_ms + self.expiry_ms
        return CacheEntry(self.key, self.product, self.tag, self.event, self.kind, expires_at_ms)


class Settlement(Struct, frozen=True, gc=False):
    """One step of one job, applied whole."""

    job_id: str
    run: RunRef | None = None
    """The live run that this ends or sends back; its fence must hold."""
    to: Finished | Run | None = None
    """Into history, back among the live (fence raised), or, if none, dropped."""
    schedule: Schedule | None = None
    """The recurrence's new value; the stored version must be one less."""
    next_run: Run | None = None
    """A new run, in the same transaction."""
    suspends: bool = False
    """The run goes back to be held; a signal that it awaits may have come: then it is due."""
    undoing: bool = False
    """It undoes what it has done: neither its end nor signals for what is undone make it due."""
    reopens: bool = False
    """`next_run` follows a finished run of a one-off job, which must still be its last word."""
    cache: CacheEntry | None = None
    """Written with `to.result`; completes the runs parked under the key."""
    release: bytes | None = None
    """A cache key whose first parked run is to be tried now: its leader gave no result."""
    also: tuple[Run, ...] = ()
    """Runs of other jobs that are stored with it: what webhooks tell of it."""


SettleAnswer = Literal["recorded", "fenced", "stale"]
"""Applied; the run is in other hands; the recurrence has changed: read it and compute again."""

"""A run in this worker's hands, from its claim to its settlement."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from ductape.domain.change import CacheLead, RunRef
from ductape.domain.job import Claim
from ductape.domain.settlement import run_ref
from ductape.worker.attempt.failing import Telling

Why = Literal["timeout", "cancel", "interrupt", "abandoned"]
"""Why a run was told to stop: its deadline, a person, a graceful stop, a lost lease."""


@dataclass(eq=False, slots=True)
class Held:
    """One claimed run and its task."""

    claim: Claim
    deadline_ms: int
    """Epoch ms at which the attempt is told to stop."""
    task: "asyncio.Task[None] | None" = None
    why: Why | None = None
    reason: str | None = None
    cut_at_ms: int | None = None
    """Epoch ms at which a run that was told to stop is settled without it."""
    settled: bool = False
    """Whether its outcome is decided; a later one is refused."""
    lead: CacheLead | None = None
    """What it leaves in the cache when it completes."""
    sensitive: tuple[str, ...] = ()
    """Texts to mask in its errors."""
    quotes: bool = True
    """Whether its errors may quote a provider: not where anything of it is sensitive."""
    left: "set[asyncio.Task[object]]" = field(default_factory=set["asyncio.Task[object]"])
    """Parts of the run that did not stop in time: its slot stays taken until they do."""
    undoing: int = 0
    """How many rollbacks are under way."""
    cancels_later: Callable[[], None] | None = None
    """Tells the run that it was cancelled, as soon as no rollback is under way."""
    ref: RunRef = field(init=False)
    """The run and the fence it is held by."""

    def __post_init__(self) -> None:
        """Name it once: its fence never changes while it is held."""
        self.ref = run_ref(self.claim.run)

    def stop(self, why: Why, *, now_ms: int, grace_ms: int, reason: str | None = None) -> None:
        """Tell the run to stop; the first reason counts, save that a lost lease always does."""
        if self.why is not None and why != "abandoned":
            return
        told, self.why, self.reason = self.why is not None, why, reason
        self.cut_at_ms = now_ms + grace_ms
        # Told twice, a run in a thread would be let go of while the thread still works.
        if self.task is not None and not told:
            self.task.cancel()

    @contextmanager
    def undoing_part(self) -> Generator[None]:
        """Let nobody cancel the run while this rollback is under way: it would be begun again.

        Its own time bounds it; a deadline, a graceful stop and a lost lease are not put off.
        """
        self.undoing += 1
        try:
            yield
        finally:
            self.undoing -= 1
            later = self.cancels_later
            if later is not None and not self.undoing:
                self.cancels_later = None
                later()

    def telling(self, now_ms: int) -> Telling:
        """Say how an error of the run is told."""
        quotes = self.quotes and not self.claim.run.spec.sensitive
        return Telling(now_ms, self.sensitive, quotes)

    async def until_all_have_ended(self) -> None:
        """Wait for what was left behind, whoever wants to stop it meanwhile: it cannot be."""
        while not all(part.done() for part in self.left):
            with suppress(asyncio.CancelledError):
                await asyncio.wait(self.left)
        for part in self.left:
            _ = part.cancelled() or part.exception()  # Looked at, so that nobody warns of it.

"""What a handler may ask and tell while it runs."""

from math import isfinite

import msgspec
from msgspec.structs import replace

from ductape.domain.found import kind_of
from ductape.domain.job import Claim, Progress
from ductape.domain.jsonlimits import INTEGER_MAX, INTEGER_MIN, whole_characters
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.masking import mask
from ductape.errors import invalid
from ductape.ports.clock import Clock
from ductape.ports.stores.claims import Claims
from ductape.services.sealing import Sealing
from ductape.worker.attempt.held import Held

LARGEST_CHECKPOINT = 65_536
LONGEST_NOTE = 4_096
PROGRESS_EVERY_MS = 200
"""Progress told more often is kept in memory, and stored with the next that is not."""


class RunContext:
    """The context of one attempt."""

    def __init__(self, held: Held, claims: Claims, clock: Clock, sealing: Sealing) -> None:
        """Speak for a held run; `sealing` closes what a sensitive one checkpoints."""
        run = held.claim.run
        self._sealing = sealing
        self._held = held
        self._claims = claims
        self._clock = clock
        self.job_id = run.job_id
        self.run = run.number
        self.attempt = len(run.attempts) + 1
        self.deadline_ms = held.deadline_ms
        self.idempotency_key = f"{run.job_id}:{run.number}"
        self._progress_at_ms = 0

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked this run to stop."""
        return self._held.why is not None

    @property
    def last_checkpoint(self) -> JsonValue:
        """What was checkpointed last, by this attempt or an earlier one; none if nothing."""
        return self._sealing.checkpoint_of(self._held.claim.run)

    async def checkpoint(self, value: JsonValue) -> None:
        """Store partial success at once for the next attempt; raises `ValidationError`."""
        size = encoded_size(value)
        if size > LARGEST_CHECKPOINT:
            raise invalid("checkpoint", f"at most {LARGEST_CHECKPOINT} bytes", f"{size} bytes")
        kept = self._sealing.kept_checkpoint(self._held.claim.run, value)
        await self._claims.note(self._held.ref, now_ms=self._clock.now_ms(), checkpoint=kept)
        self._keep(self._held.claim, checkpoint=kept, progress=None)

    async def progress(
        self, done: float, total: float | None = None, note: str | None = None
    ) -> None:
        """Show how far the work is; what is to be masked is masked in the note.

        Raises `ValidationError`: what cannot be stored would hold up every run of the worker.
        """
        _check_progress(done, total, note)
        shown = None if note is None else mask(note, self._held.sensitive)[:LONGEST_NOTE]
        progress = Progress(done, total, shown if shown is None else whole_characters(shown))
        self._keep(self._held.claim, checkpoint=None, progress=progress)
        now_ms = self._clock.now_ms()
        if now_ms - self._progress_at_ms >= PROGRESS_EVERY_MS:
            self._progress_at_ms = now_ms
            await self._claims.note(self._held.ref, now_ms=now_ms, progress=progress)

    def heartbeat(self) -> None:
        """Tell that the handler is alive; the worker's lease is renewed without it."""

    def _keep(self, claim: Claim, *, checkpoint: JsonValue, progress: Progress | None) -> None:
        run = claim.run
        kept = replace(
            run,
            checkpoint=run.checkpoint if checkpoint is None else checkpoint,
            progress=run.progress if progress is None else progress,
        )
        self._held.claim = replace(claim, run=kept)


def _check_progress(done: object, total: object, note: object) -> None:
    if not _is_a_figure(done):
        raise invalid("progress.done", "a number", kind_of(done))
    if total is not None and not _is_a_figure(total):
        raise invalid("progress.total", "a number or none", kind_of(total))
    if note is not None and not isinstance(note, str):
        raise invalid("progress.note", "text or none", kind_of(note))


def _is_a_figure(value: object) -> bool:
    match value:
        case bool():
            return False
        case int():
            return INTEGER_MIN <= value <= INTEGER_MAX
        case float():
            return isfinite(value)
        case _:
            return False


def encoded_size(value: JsonValue) -> int:
    """Return how many bytes a value takes; what is no JSON is the handler's own mistake."""
    try:
        return len(msgspec.json.encode(value))
    except (TypeError, ValueError) as error:
        raise invalid("checkpoint", "JSON", type(value).__name__, hint=str(error)) from error

"""The record of one run's steps, as its worker has it: read once, written by the fence's holder.

Its first entry, of the path ``, holds the product's version that the run began with: a feature
keeps it, whatever is applied meanwhile (SPEC 8). Instants are epoch milliseconds.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from msgspec.structs import replace

from ductape.domain.change import RunRef
from ductape.domain.job import Run, attempt_ms
from ductape.domain.outcome import Failure, StoredError
from ductape.domain.retry import may_retry
from ductape.domain.steps import UNDOING, WHOLE, Step
from ductape.errors import StoreError
from ductape.ports.clock import Clock
from ductape.ports.steps import Suspend
from ductape.ports.stores.steps import Steps as StepRows
from ductape.services.sealing import Sealing
from ductape.worker.attempt.failing import failure_of
from ductape.worker.attempt.held import Held
from ductape.worker.trouble import Trouble

PAUSE_AFTER_FAULT_S = 1.0
"""After how long a store that does not answer is asked again; a lost lease ends the asking."""

ENDING_MS = 100
"""How long before the attempt's own end a step is over, so that what it did can be undone."""


class StepLog:
    """What has been done of a run."""

    def __init__(self, held: Held, rows: StepRows, clock: Clock, sealing: Sealing) -> None:
        """Record the steps of a held run; nothing is read yet."""
        self._sealing = sealing
        self._hidden = set[str]()
        """Paths of steps whose results are sealed, with all that is below them."""
        self._held = held
        self._rows = rows
        self._clock = clock
        self._known: dict[str, Step] | None = None
        self.has_moved = False
        """Whether any step has come further in this attempt than to its beginning."""
        self._parents = set[str]()
        """What steps stand below, each with its `/` at the end."""
        self._deferred: list[Step] = []
        self._stopping = False
        self.reason: str | None = None
        """Why the run was cancelled."""

    async def open(self) -> None:
        """Read what was recorded; once is enough."""
        if self._known is None:
            run = self._run
            record = await self._rows.of_run(run.job_id, run.number)
            self._known = {}
            for step in record.steps:
                self._note(self._opened(step))
            self._stopping, self.reason = record.stopping, record.reason

    @property
    def is_open(self) -> bool:
        """Whether any feature is part of this attempt."""
        return self._known is not None

    @property
    def stopping(self) -> bool:
        """Whether the run was cancelled."""
        return self._stopping

    @property
    def undoing(self) -> bool:
        """Whether this attempt only undoes what the run has done."""
        if self._known is None:
            return False
        whole = self.find(WHOLE)
        return self._stopping or (whole is not None and whole.state == "unwinding")

    @property
    def timeout_ms(self) -> int:
        """Of a try of a step."""
        return self._run.spec.timeout_ms

    @property
    def ends_ms(self) -> int:
        """When a step must have ended (epoch ms): before the attempt is told to stop."""
        return self._held.deadline_ms - ENDING_MS

    @property
    def version(self) -> int | None:
        """The version of the product that the run began with; none where it begins now."""
        whole = self.find(WHOLE)
        return whole.result if whole is not None and isinstance(whole.result, int) else None

    @property
    def is_given_up(self) -> bool:
        """Whether nothing that was begun goes on: it was undone, and all begins anew."""
        begun = [step for step in self.below(WHOLE) if not step.path.endswith(UNDOING)]
        return not self.undoing and all(step.state == "failed" for step in begun)

    def now_ms(self) -> int:
        """Tell the time."""
        return self._clock.now_ms()

    def find(self, path: str) -> Step | None:
        """Return a step as far as it has come; none where it has not begun."""
        return self._steps.get(path)

    def around(self, path: str) -> Step | None:
        """Return the innermost step that what is at a path is a part of; none where it is none."""
        steps = self._known or {}
        while path and path not in steps:
            path = path.rpartition("/")[0]
        return steps.get(path) if path else None

    def below(self, prefix: str) -> list[Step]:
        """Return the steps of one feature, its own entry apart, in the order they began."""
        own = (step for step in self._steps.values() if step.path.startswith(prefix))
        return [step for step in own if step.path != prefix and "/" not in step.path[len(prefix) :]]

    def waiting(self, prefix: str) -> list[Step]:
        """Return the steps below a path, however deep, that wait for a signal."""
        steps = [step for step in self._steps.values() if step.state == "waiting"]
        return [step for step in steps if step.path.startswith(prefix)]

    def has_below(self, prefix: str) -> bool:
        """Tell whether any step is recorded below a path, which ends with `/`."""
        return prefix in self._parents

    def begun(self, path: str, kind: str) -> Step:
        """Return a step at its beginning, in its place among the others, as it first began."""
        known = self.find(path)
        if known is None:
            step = Step(path, kind, "running", len(self._steps), self.now_ms())
        else:
            at, began_ms = known.position, known.started_at_ms
            step = Step(path, kind, "running", at, began_ms, known.failures)
        self._note(step)
        return step

    def defer(self, step: Step) -> Step:
        """Record a step along with the next one, which begins at once."""
        self._deferred.append(step)
        self.has_moved |= step.state != "running"
        self._note(step)
        return step

    async def put(self, step: Step) -> Step:
        """Record what a step has come to; raises `Suspend` where the run is in other hands."""
        self.defer(step)
        await self.flush()
        return step

    async def flush(self) -> None:
        """Record what was deferred, however long the store is out of reach."""
        if not self._deferred:
            return
        deferred, self._deferred = self._deferred, []
        waiting = {step.path: self._kept(step) for step in deferred}
        try:
            recorded = await self._recorded([*waiting.values()])
        except asyncio.CancelledError:
            self._deferred = deferred + self._deferred  # What has finished is not forgotten.
            raise
        if not recorded:
            raise Suspend(self.now_ms())

    async def _recorded(self, steps: Sequence[Step]) -> bool:
        trouble = Trouble(f"recording the steps of job {self._ref.job_id}", self._clock)
        while True:
            try:
                recorded = await self._rows.record(self._ref, steps)
            except StoreError as error:
                trouble.lasts(str(error))
            else:
                trouble.ends()
                return recorded
            if self._held.settled:
                return False  # It was cut off: whoever has the run next finds what is recorded.
            await asyncio.sleep(PAUSE_AFTER_FAULT_S)

    async def receive(self, step: Step) -> Step:
        """Record a step with the signal it awaits, or waiting; raises `Suspend` as `put` does."""
        await self.flush()
        received = await self._rows.receive(self._ref, step, now_ms=self.now_ms())
        if received is None:
            raise Suspend(self.now_ms())
        opened = self._opened(received)
        if opened.finished and self._is_hidden(opened.path):
            return await self.put(opened)  # who sent it could not know that it is to be sealed
        self._note(opened)
        return opened

    async def until_may_begin(self, path: str) -> AbstractContextManager[None]:
        """Return what a step at a path is to be done in: a rollback is let end when it has begun.

        Where the run is cancelled nothing else begins beside it, nor anything after it: the run
        is told to stop then. One that was told, and whose step ended all the same, is not told
        again: it stops here.
        """
        held, undoes = self._held, UNDOING in path
        if held.why == "cancel":
            raise asyncio.CancelledError
        if held.cancels_later is not None and not undoes:
            await asyncio.Event().wait()
        return held.undoing_part() if undoes else nullcontext()

    def hide(self, path: str) -> None:
        """Have the results of a step and those below it sealed: of a sensitive definition."""
        self._hidden.add(path)

    def yield_if_long(self) -> None:
        """Raise `Suspend` where half of the run's time in hand is over: it goes on afresh.

        Not before some step has come any further: it would be so each time.
        """
        left_ms = self._held.deadline_ms - self.now_ms()
        if self.has_moved and left_ms < attempt_ms(self._run.spec) // 2:
            raise Suspend(self.now_ms())

    def failure(self, error: Exception) -> Failure:
        """Turn what a step raised into a failure, masked."""
        return failure_of(error, self._held.telling(self.now_ms()))

    def error(self, code: str, message: str) -> StoredError:
        """Make an error of our own."""
        return StoredError(code=code, message=message, type="StepFailed", at=self.now_ms())

    def is_last(self, failure: Failure) -> bool:
        """Tell whether the run is over with a failure."""
        run = self._run
        return not may_retry(run.spec.retry, run.spec.retries, run.failures + 1, failure)

    async def keep_version(self, version: int) -> None:
        """Record the product's version that the run begins with now."""
        await self.put(replace(self.begun(WHOLE, "feature"), result=version))

    def _note(self, step: Step) -> None:
        self._steps[step.path] = step
        above, _, name = step.path.rpartition("/")
        while above and name and f"{above}/" not in self._parents:
            self._parents.add(f"{above}/")
            above, _, name = above.rpartition("/")

    def _kept(self, step: Step) -> Step:
        """Return a step as it is stored."""
        run = self._run
        if step.result is None:
            return step
        hides = run.spec.sensitive or self._is_hidden(step.path)
        keep = self._sealing.sealed if hides else self._sealing.unmistaken
        place = f"{run.job_id}/{run.number}/step/{step.path}"
        return replace(step, result=keep(step.result, place))

    def _is_hidden(self, path: str) -> bool:
        while path and path not in self._hidden:
            path = path.rpartition("/")[0]
        return bool(path)

    def _opened(self, step: Step) -> Step:
        return replace(step, result=self._sealing.opened(step.result, of=self._run.job_id))

    @property
    def _steps(self) -> dict[str, Step]:
        if self._known is None:
            raise TypeError("the record was not read yet")
        return self._known

    @property
    def _run(self) -> Run:
        return self._held.claim.run

    @property
    def _ref(self) -> RunRef:
        return self._held.ref

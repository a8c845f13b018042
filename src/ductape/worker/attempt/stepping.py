"""Doing the steps of one feature: begin, try again, hold, finish; recorded before it counts."""

import asyncio
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.outcome import Failure
from ductape.domain.request import RetryPolicy
from ductape.domain.retry import delay_ms, least_wait_ms, may_retry
from ductape.domain.steps import CHILDREN, UNDOING, WHOLE, Step
from ductape.errors import DuctapeError
from ductape.ports.invoke import Call
from ductape.ports.steps import Plan, StepFailed, Suspend, Work, not_undone, soonest
from ductape.worker.attempt.step_ends import bounded, is_over, placed
from ductape.worker.attempt.step_log import StepLog

BRIEF_MS = 500
"""What is held for no longer stays with its worker: leaving it costs more."""

POLICY = RetryPolicy(jitter=False)
"""Of a step's own retries: 1 s, doubled each time, at most 5 min."""


class FeatureSteps:
    """Implements `ports.steps.Steps` for one feature of a run."""

    def __init__(
        self,
        log: StepLog,
        prefix: str,
        call: Call | None = None,
        within: "FeatureSteps | None" = None,
    ) -> None:
        """Stand below `prefix`, which is empty or ends with `/`.

        Of a child, `call` is what runs it, `within` the steps of the feature around it.
        """
        self._log = log
        self._prefix = prefix
        self._may_fail = call is not None and call.may_fail
        self._undoes = call is not None and call.undoes
        self._tries_left = 0 if call is None else call.tries_left
        self._around = log if within is None else within
        lasts_ms = None if call is None else call.timeout_ms
        self._yields_at_ms = None if lasts_ms is None else log.now_ms() + lasts_ms // 2

    @property
    def recorded(self) -> Sequence[Step]:
        """Those that have begun, by their paths below the feature."""
        cut = len(self._prefix)
        own = self._log.below(self._prefix)
        return [replace(step, path=step.path[cut:]) for step in own if step.path != WHOLE]

    def find(self, path: str) -> Step | None:
        """Return a step as far as it has come, its path whole."""
        return self._log.find(self._prefix + path)

    @property
    def timeout_ms(self) -> int:
        """How long a try of a step may take that says nothing else."""
        return self._log.timeout_ms

    @property
    def undoes(self) -> bool:
        """Whether whoever called wants all undone that this did."""
        return self._undoes

    @property
    def stopping(self) -> bool:
        """Whether what has finished is to be undone: not what undoes something itself."""
        if self._undoes or f"{UNDOING}/" in self._prefix:
            return self._undoes
        return self._log.stopping if self._prefix == WHOLE else self._log.undoing

    @property
    def unwinding(self) -> Failure | None:
        """The failure for which finished steps are being undone already."""
        whole = self._log.find(self._prefix)
        if whole is None or whole.state != "unwinding" or whole.error is None:
            return None
        return Failure(whole.error, final=True)

    async def run(self, plan: Plan, work: Work, undo: Work | None = None) -> Step:
        """Do a step, unless it has finished; return it finished."""
        step = self.find(plan.path)
        while not is_over(step):
            if step is not None and step.state == "retrying":
                await self._hold(step)
            step = await self._try(plan, work, undo or work)
        return step

    async def sleep(self, plan: Plan, until: Callable[[], int]) -> Step:
        """Hold the feature until an instant, asked for once."""
        step = self.find(plan.path)
        if is_over(step):
            return step
        if step is None or step.state != "sleeping":
            step = self._begun(plan)
            try:
                step = replace(step, state="sleeping", due_at_ms=until())
            except DuctapeError as error:  # of the step's own mapping
                return await self._failed(plan, step, self._log.failure(error))
            await self._log.put(step)
        await self._hold(step)
        return await self._done(plan, step, None)

    async def wait(self, plan: Plan, name: str, timeout_ms: int | None) -> Step:
        """Hold the feature until a signal comes, whose data is the step's result."""
        step = self.find(plan.path)
        if is_over(step):
            return step
        if step is None or step.state != "waiting":
            due_ms = None if timeout_ms is None else self._log.now_ms() + timeout_ms
            step = replace(self._begun(plan), state="waiting", awaits=name, due_at_ms=due_ms)
        step = await self._log.receive(step)
        if step.finished:
            return step
        if step.due_at_ms is None or step.due_at_ms > self._log.now_ms():
            raise Suspend(step.due_at_ms)
        message = f"no signal `{name}` came in time"
        return await self._failed(plan, step, Failure(self._log.error("TIMEOUT", message)))

    def failure(self, error: Exception) -> Failure:
        """Turn an exception into a failure, masked."""
        return self._log.failure(error)

    async def again(self) -> None:
        """Let the steps that have failed be tried by the run's next attempt."""
        for step in self._log.below(self._prefix):
            if step.state == "failed":
                await self._log.put(replace(step, state="retrying", failures=0))

    async def give_up(self) -> None:
        """Let nothing that was allowed to fail answer for itself any more."""
        for step in self._log.below(self._prefix):
            if step.state == "allowed":
                self._log.defer(replace(step, state="failed"))
        await self._log.flush()

    async def anew(self, path: str) -> str:
        """Return the path of a step that may have been given up: it is done anew then."""
        name, count = path, 1
        while (step := self.find(name)) and step.state == "failed":
            if not self._log.has_below(f"{self._prefix}{name}/"):
                await self._log.put(replace(step, state="retrying", failures=0))
                break
            count += 1
            name = f"{path}#{count}"
        return name

    def leaves(self, path: str) -> bool:
        """Tell whether a step has steps below it that are not undone."""
        step, below = self.find(path), self._below(path)
        given_up = step is not None and step.state in ("allowed", "failed")
        undone = given_up and below.unwinding is not None
        return self._log.has_below(f"{self._prefix}{path}/") and not undone

    def yield_if_long(self) -> None:
        """Raise `Suspend` where half of the time in hand is over: it goes on afresh."""
        now_ms, at_ms = self._log.now_ms(), self._yields_at_ms
        if self._log.has_moved and at_ms is not None and now_ms >= at_ms:
            raise Suspend(now_ms)
        self._around.yield_if_long()

    def is_last(self, failure: Failure) -> bool:
        """Tell whether the feature is over with a failure."""
        if may_retry(POLICY, self._tries_left, 1, failure):
            return False
        return self._may_fail or self._around.is_last(failure)

    def tries_left(self, plan: Plan) -> int:
        """Return how often a step may be tried again where its next try fails."""
        step = self.find(plan.path)
        return plan.retries - (0 if step is None else step.failures)

    async def unwind(self, failure: Failure) -> None:
        """Record that finished steps are being undone from now on, and why."""
        path, error = self._prefix, failure.error
        for step in self._log.waiting(path):
            self._log.defer(replace(step, state="failed", due_at_ms=None, error=error))
        whole = self._log.find(path) or self._log.begun(path, "feature")
        await self._log.put(replace(whole, state="unwinding", error=error))

    def _begun(self, plan: Plan) -> Step:
        self.yield_if_long()
        known = self.find(plan.path)
        step = self._log.begun(self._prefix + plan.path, plan.kind)
        ends_ms = None if plan.lasts_ms is None else self._log.now_ms() + plan.lasts_ms
        if known is not None and known.state == "running" and self._goes_on(plan):
            ends_ms = known.due_at_ms
        return replace(step, due_at_ms=ends_ms)

    def _goes_on(self, plan: Plan) -> bool:
        """Tell whether all tries of a step are one to what is below it."""
        return plan.kind in CHILDREN or self.leaves(plan.path)

    async def _try(self, plan: Plan, work: Work, undo: Work) -> Step:
        with await self._log.until_may_begin(self._prefix + plan.path):
            return await self._tried(plan, work, undo)

    async def _tried(self, plan: Plan, work: Work, undo: Work) -> Step:
        step = await self._log.put(self._begun(plan))
        try:
            result = bounded(await self._in_time(plan, step, work, undo))
        except Exception as error:  # noqa: BLE001 (the call of a handler: recorded as a failure)
            failure = await self._given_up(plan, step, self._log.failure(error), undo)
            return await self._failed(plan, step, failure)
        return await self._done(plan, step, result)

    async def _in_time(self, plan: Plan, step: Step, work: Work, undo: Work) -> JsonValue:
        """Do a step within its time; one whose undoing was begun is undone to its end."""
        if (failure := self._below(plan.path).unwinding) is not None:
            raise await self._undone(failure, undo)
        ends_ms = step.due_at_ms
        if ends_ms is None and plan.kind not in CHILDREN:
            ends_ms = self._log.ends_ms
        left_ms = None if ends_ms is None else ends_ms - self._log.now_ms()
        patience = asyncio.timeout(None if left_ms is None else left_ms / 1000)
        try:
            if left_ms is None or left_ms > 0:
                async with patience:
                    return await work()
        except Suspend as suspend:
            raise soonest([suspend, Suspend(step.due_at_ms)]) from suspend
        except TimeoutError:
            if not patience.expired():
                raise
        most_ms = plan.lasts_ms or self._log.timeout_ms
        late = self._log.error("TIMEOUT", f"it took longer than its time-out of {most_ms} ms")
        raise StepFailed(Failure(late))

    async def _given_up(self, plan: Plan, step: Step, failure: Failure, undo: Work) -> Failure:
        """Return how a step failed: not before it is undone, where nobody tries it any more."""
        below = self._below(plan.path)
        over = not may_retry(POLICY, plan.retries, step.failures + 1, failure)
        lasting = over and (plan.allow_fail or self.is_last(failure))
        undone = failure.final and below.unwinding is not None
        if not lasting or undone or not self.leaves(plan.path):
            return failure
        if below.unwinding is None:
            await below.unwind(failure)
        return (await self._undone(failure, undo)).failure

    async def _undone(self, failure: Failure, undo: Work) -> StepFailed:
        """Undo what is below a step that was given up; return what it failed with."""
        try:
            await undo()
        except StepFailed as failed:
            return failed
        except DuctapeError as error:
            return StepFailed(not_undone(failure, [str(error)]))
        return StepFailed(failure)

    def _below(self, path: str) -> "FeatureSteps":
        return FeatureSteps(self._log, f"{self._prefix}{path}/")

    async def _done(self, plan: Plan, step: Step, result: JsonValue) -> Step:
        now_ms = self._log.now_ms()
        done = replace(
            step, state="completed", completed_at_ms=now_ms, due_at_ms=None, result=result
        )
        return self._log.defer(done) if plan.more else await self._log.put(done)

    async def _failed(self, plan: Plan, step: Step, failure: Failure) -> Step:
        """Record a failed try; return the step to be tried again, or allowed to fail."""
        now_ms, failures = self._log.now_ms(), step.failures + 1
        step = replace(step, failures=failures, error=failure.error, due_at_ms=None)
        if plan.kind != "wait" and may_retry(POLICY, plan.retries, failures, failure):
            waits = plan.waits or POLICY
            due_ms = now_ms + delay_ms(waits, failures, 0.0, least_wait_ms(failure))
            return await self._log.put(replace(step, state="retrying", due_at_ms=due_ms))
        if plan.allow_fail:
            told = {"error": {"code": failure.error.code, "message": failure.error.message}}
            allowed = replace(step, state="allowed", completed_at_ms=now_ms, result=told)
            return await self._log.put(allowed)
        await self._log.put(replace(step, state="failed", completed_at_ms=now_ms))
        raise StepFailed(replace(failure, error=placed(step, failure.error)))

    async def _hold(self, step: Step) -> None:
        """Let time pass until a step's instant, away from the worker where it is long."""
        while (left_ms := (step.due_at_ms or 0) - self._log.now_ms()) > 0:
            if left_ms > BRIEF_MS:
                raise Suspend(step.due_at_ms)
            await asyncio.sleep(left_ms / 1000)

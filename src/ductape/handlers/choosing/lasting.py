"""Options that are steps of their run: those of a fallback or a quota that calls features.

What was tried is recorded, so that the run goes on with the option under way after a hold or a
crash. One that is given up is undone before the next one is tried, and tried anew by the next
attempt (SPEC 9).
"""

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.outcome import Failure
from ductape.domain.request import JobEventTypes
from ductape.domain.steps import UNDOING, Step
from ductape.errors import ValidationError
from ductape.handlers.choosing.breaking import NotTried
from ductape.handlers.choosing.options import PATIENCE, Options
from ductape.handlers.choosing.sharing import patience_ms
from ductape.ports.invoke import Call, Engine
from ductape.ports.steps import (
    Plan,
    StepFailed,
    Steps,
    Suspend,
    Unwound,
    Work,
    unwind_if_told,
)

PASSED_OVER = "NotTried"
"""The type of the error of an option that was not called, or whose answer is of no use."""


class Lasting:
    """The options of one attempt, as steps."""

    def __init__(self, options: Options, steps: Steps, engine: Engine, whole: JsonObject) -> None:
        """Try options of a fallback or quota that was called with `whole`."""
        self._options = options
        self._steps = steps
        self._engine = engine
        self._whole = whole
        self._failures: dict[str, Failure] = {}
        """How those failed that this attempt has tried, by path: more than is recorded of them."""

    async def unwind_if_told(self) -> None:
        """Undo what options have done where that is asked for; raises `Unwound`, `StepFailed`."""
        if self._steps.stopping or self._steps.unwinding is not None:
            for at in self._options.places():
                self._options.breaking.recall(self._options[at])
                await self._options.breaking.let_go(self._options[at])
        await unwind_if_told(self._steps, self._undoing)

    def under_way(self) -> int | None:
        """Return the place of the option that was begun last, and has not been given up."""
        steps = [one for one in self._steps.recorded if not one.path.endswith(UNDOING)]
        begun = [one.path for one in steps if one.state != "failed"]
        return self._options.place_of(begun[-1]) if begun else None

    async def answer(self, at: int, until_ms: Callable[[], int]) -> tuple[JsonValue] | Failure:
        """Try the option at a place, or take over what came of it; raises as `Options.answer`."""
        path = await self._steps.anew(self._options.path_of(at))
        plan, before = self._plan(at, path), self._steps.find(path)
        undo = self._invoking(at, path, undoes=False)  # it finds that it was given up
        step = await self._done(plan, self._tries(plan, at, until_ms), undo, at)
        if step.state == "completed" or step.error is None:
            return (step.result,)
        if step.error.type == PASSED_OVER:
            raise NotTried(step.error.code, step.error.message)
        failure = self._failures.get(path)
        if failure is not None and failure.error.code == step.error.code:
            return failure
        failure = Failure(step.error)
        if before is None or before.state != step.state:
            await self._options.breaking.tell(self._options[at], failure)  # its own time was over
        return failure

    async def _done(self, plan: Plan, work: Work, undo: Work, at: int) -> Step:
        """Do the step of the option at a place; held or stopped, it may be the probe of one."""
        breaking, option = self._options.breaking, self._options[at]
        try:
            return await self._steps.run(plan, work, undo)
        except Suspend:
            await breaking.keep(option)
            raise
        except asyncio.CancelledError:
            await breaking.let_go(option)
            raise

    async def keep(self, name: str, answer: JsonObject) -> None:
        """Leave it at the record of the option that gave the answer."""

    async def give_up(self) -> None:
        """Let a further attempt try all of them anew."""
        await self._steps.give_up()

    def _plan(self, at: int, path: str) -> Plan:
        option = self._options[at]
        whole = option.kind is JobEventTypes.FEATURE
        return Plan(
            path=path,
            kind=option.kind.value,
            retries=option.retries,
            allow_fail=True,
            lasts_ms=option.timeout_ms if whole else None,
            waits=PATIENCE,
        )

    def _tries(self, plan: Plan, at: int, until_ms: Callable[[], int]) -> Work:
        """Return what tries an option once; its breaker is asked before each try, not within."""
        known = self._steps.find(plan.path)
        begun = known is not None and known.state == "running"

        async def work() -> JsonValue:
            nonlocal begun
            call = self._call(at, plan.path)
            if begun:
                self._options.breaking.recall(self._options[at])
            else:
                await self._admitted(plan, at, known)
            begun = False
            return await self._tried(plan, at, call, until_ms())

        return work

    async def _admitted(self, plan: Plan, at: int, known: Step | None) -> None:
        """Raise `StepFailed`, for good, where the option may not be called now."""
        option = self._options[at]
        last = self._failures.get(plan.path)
        if last is None and known is not None and known.error is not None:
            last = Failure(known.error)
        try:
            await self._options.refuse_ill(option)
            if await self._options.breaking.admitted(option, after=last) or last is None:
                return
        except NotTried as error:
            raise self._passed_over(error.code, error) from error
        raise StepFailed(replace(last, final=True))

    async def _tried(self, plan: Plan, at: int, call: Call, until_ms: int) -> JsonValue:
        option, tries = self._options[at], self._steps.tries_left(plan)
        timeout_ms = patience_ms(option, tries + 1, until_ms - self._options.now_ms())
        call = replace(call, timeout_ms=timeout_ms, tries_left=tries)
        outcome = await self._engine.tried(call)
        await self._options.breaking.tell(option, outcome)
        if isinstance(outcome, Failure):
            self._failures[plan.path] = outcome
            too_long = (outcome.retry_after_ms or 0) > PATIENCE.max_delay_ms
            raise StepFailed(replace(outcome, final=outcome.final or too_long))
        try:
            return self._options.made(at, self._whole, outcome.result)
        except ValidationError as error:
            raise self._passed_over(error.code, error) from error

    def _passed_over(self, code: str, error: Exception) -> StepFailed:
        told = self._steps.failure(error).error
        return StepFailed(Failure(replace(told, code=code, type=PASSED_OVER), final=True))

    def _call(self, at: int, path: str) -> Call:
        """Make the call of an option; a feature's is the same, however often it is held."""
        begun = self._steps.find(path)
        try:
            given = self._options.given(at, self._whole, begun and begun.started_at_ms)
        except ValidationError as error:
            raise self._passed_over(error.code, error) from error
        return self._options.call_of(at, given, path, None)

    def _undoing(self, path: str) -> Work:
        return self._invoking(self._options.place_of(path), path, undoes=True)

    def _invoking(self, at: int, path: str, *, undoes: bool) -> Work:
        async def undo() -> JsonValue:
            try:
                return await self._engine.invoke(replace(self._call(at, path), undoes=undoes))
            except Unwound:
                return None

        return undo

"""One step of a declared feature: its input mapped, its event run, its result kept for the next."""

from collections.abc import Callable
from datetime import UTC
from typing import cast

from msgspec.structs import replace

from ductape.domain.definitions.feature import (
    FeatureTarget,
    SequenceTarget,
    StepTarget,
    UndoTarget,
)
from ductape.domain.found import kind_of
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.scalars import SPAN_MAX_MS
from ductape.domain.request import JobEventTypes
from ductape.domain.steps import CHILDREN, Step
from ductape.domain.time.instants import read_instant
from ductape.errors import ValidationError, invalid
from ductape.ports.handler import Invocation
from ductape.ports.invoke import Call
from ductape.ports.steps import Plan, Steps, Unwound

_KINDS = {kind.value: kind for kind in JobEventTypes} | {"child": JobEventTypes.FEATURE}


class Doing:
    """What an attempt at a feature needs for each of its steps."""

    def __init__(self, invocation: Invocation, steps: Steps, feature: FeatureTarget) -> None:
        """Begin with the results that are recorded."""
        self._invocation = invocation
        self._steps = steps
        self.results: dict[str, JsonObject] = {one.tag: {} for one in feature.sequence}
        """Sequence → step → result: what `$Sequence{…}{…}` names."""
        finished = {step.path: step.result for step in steps.recorded if step.finished}
        for sequence in feature.sequence:
            for step in sequence.events:
                path = sequence.path_of(step)
                if path in finished:
                    self.results[sequence.tag][step.tag] = finished[path]

    def mapped(self, mapping: JsonValue, at_ms: int | None = None) -> JsonValue:
        """Fill a mapping of the definition."""
        results = cast("JsonObject", self.results)
        sources = {"Input": self._invocation.input, "Sequence": results}
        return self._invocation.engine.mapped(mapping, sources, at_ms=at_ms)

    async def step(self, sequence: SequenceTarget, step: StepTarget) -> None:
        """Do a step, or take over what is recorded of it."""
        path, more = sequence.path_of(step), step is not sequence.events[-1]
        kind = await self._kind_of(path, step)
        lasts_ms = step.timeout if kind in CHILDREN else None
        plan = Plan(path, kind, step.retries, step.allow_fail, lasts_ms, more)
        self.results[sequence.tag][step.tag] = (await self._done(plan, step)).result

    async def _kind_of(self, path: str, step: StepTarget) -> str:
        """Return a step's kind; where the document does not know it, a worker may: a feature's."""
        if step.type != "event":
            return step.type
        call = Call(step.event, {}, path, app=step.app)
        is_feature = await self._invocation.engine.kind_of(call) is JobEventTypes.FEATURE
        return JobEventTypes.FEATURE.value if is_feature else step.type

    async def undo(self, plan: Plan, undo: UndoTarget) -> Step:
        """Run the event that undoes a step."""

        async def work() -> JsonValue:
            call, left = self._call(plan.path, undo), self._steps.tries_left(plan)
            return await self._invocation.engine.invoke(replace(call, tries_left=left))

        return await self._steps.run(plan, work)

    async def undo_child(self, plan: Plan, path: str, step: StepTarget) -> Step:
        """Let what ran a feature undo what it has done."""

        async def work() -> JsonValue:
            call = self._call(path, step, undoes=True)
            try:
                return await self._invocation.engine.invoke(call)
            except Unwound:
                return None

        return await self._steps.run(plan, work)

    async def _done(self, plan: Plan, step: StepTarget) -> Step:
        match step.type:
            case "sleep":
                return await self._steps.sleep(plan, self._until(step))
            case "wait":
                return await self._steps.wait(plan, step.event or step.tag, step.timeout)
            case _:

                async def work() -> JsonValue:
                    call = self._call(plan.path, replace(step, type=plan.kind))
                    left = self._steps.tries_left(plan)
                    return await self._invocation.engine.invoke(replace(call, tries_left=left))

                return await self._steps.run(plan, work)

    def _call(self, path: str, step: StepTarget | UndoTarget, *, undoes: bool = False) -> Call:
        kind = _KINDS.get(step.type)  # none where any will do
        whole = kind is JobEventTypes.FEATURE
        begun = self._steps.find(path)
        at_ms = None if begun is None else begun.started_at_ms
        return Call(
            event=step.event,
            input=cast("JsonObject", self.mapped(step.input, at_ms)),
            path=path,
            app=step.app,
            kind=kind,
            timeout_ms=None if whole or undoes else step.timeout or self._steps.timeout_ms,
            cache=step.cache if isinstance(step, StepTarget) else None,
            may_fail=isinstance(step, StepTarget) and step.allow_fail,
            undoes=undoes,
        )

    def _object(self, mapping: JsonObject) -> JsonObject:
        return cast("JsonObject", self.mapped(mapping))

    def _until(self, step: StepTarget) -> Callable[[], int]:
        """Return what tells the end of a `sleep`: `{ms}` from now on, or `{until}`."""

        def until() -> int:
            given = self._object({**step.input, "now": "$Now()"})
            now_ms = cast("int", given["now"])
            if "until" in given:
                return _instant(given["until"])
            span = given.get("ms")
            if isinstance(span, bool) or not isinstance(span, (int, float)):
                raise invalid("input.ms", f"milliseconds, 0 to {SPAN_MAX_MS}", kind_of(span))
            if not 0 <= span <= SPAN_MAX_MS:
                raise invalid("input.ms", f"milliseconds, 0 to {SPAN_MAX_MS}", str(span))
            return now_ms + int(span)

        return until


def _instant(value: JsonValue) -> int:
    read = read_instant(value, path="input.until", zone=UTC)
    if isinstance(read, int):
        return read
    raise ValidationError([read])

"""What the steps of a feature take of a session: told before it is scheduled (SPEC 6).

Other references of a step point at what earlier steps bring, and are looked up then.
"""

from collections.abc import AsyncIterator, Iterator

import msgspec

from ductape.domain.definitions.feature import FeatureTarget, StepTarget
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references import Source, missing, scope, session_source, uses
from ductape.domain.request import JobEventTypes
from ductape.domain.steps import CHILDREN
from ductape.domain.target import Target
from ductape.errors import Fault, NotFound, ValidationError, fault
from ductape.services.intake.injection import SessionData
from ductape.services.intake.judging import Ask


async def session_faults(called: Target, ask: Ask, session: SessionData | None) -> list[Fault]:
    """Tell what a feature, or a child of it, needs of a session that has not got it."""
    if called.kind is not JobEventTypes.FEATURE:
        return []
    lacking: list[str] = []
    async for event, feature in _features(called, ask):
        for place, mapping in _mappings(feature):
            wanted = _lacking(mapping, session)
            lacking += [f"{one}, as {place} of `{event}` uses it" for one in wanted]
    if not lacking:
        return []
    found = "none" if session is None else "one without"
    named = " and ".join(dict.fromkeys(lacking))
    return [fault("session", f"a session with {named}", found)]


async def _features(called: Target, ask: Ask) -> AsyncIterator[tuple[str, FeatureTarget]]:
    """Yield a declared feature and the declared features that it runs."""
    waiting, seen = [called], set[str]()
    for target in waiting:
        if target.kind is not JobEventTypes.FEATURE or target.needs or target.event in seen:
            continue
        seen.add(target.event)
        feature = msgspec.convert(target.mappings, FeatureTarget)
        yield target.event, feature
        for _, step in _steps(feature):
            if step.type in CHILDREN:
                waiting += await _found(step, ask)


async def _found(step: StepTarget, ask: Ask) -> list[Target]:
    """Return a step's feature; one that is not there is told when the step is done."""
    try:
        return [await ask(step.event, step.app)]
    except (NotFound, ValidationError):
        return []


def _steps(feature: FeatureTarget) -> Iterator[tuple[str, StepTarget]]:
    """Yield the steps that end the feature where they fail, each with its path."""
    for sequence in feature.sequence:
        for step in sequence.events:
            if not step.allow_fail:
                yield sequence.path_of(step), step


def _mappings(feature: FeatureTarget) -> Iterator[tuple[str, JsonValue]]:
    """Yield what is filled on the way to the feature's end, each with its place."""
    for path, step in _steps(feature):
        yield f"step `{path}`", step.input
        if step.rollback is not None:
            yield f"the rollback of step `{path}`", step.rollback.input
    yield "the output", feature.output


def _lacking(value: JsonValue, session: SessionData | None) -> list[str]:
    """Return the references to a session that a mapping cannot do without, and has not got."""
    names = {use.name for use in uses(value)}
    if "Session" not in names:
        return []
    sources: dict[str, Source] = dict.fromkeys(names - {"Session"}, _later)
    if session is not None:
        sources["Session"] = session_source(session.tag, session.data)
    return missing(value, scope(sources, 0))


def _later(path: tuple[str, ...]) -> JsonValue:
    """Stand for what is there by the time that the step is done."""
    del path

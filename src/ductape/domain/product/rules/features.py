"""Rules about features: sequences without circles, steps with names of their own, known results."""

from collections.abc import Iterator
from datetime import UTC

from ductape.domain.found import listed, path_to, shown
from ductape.domain.inputs.pending import pending
from ductape.domain.inputs.schema import rule_faults
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.parsing.nearest import hint_for
from ductape.domain.parsing.scalars import SPAN_MAX_MS
from ductape.domain.product.calls import calls_features
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.feature import HELD, Feature, FeatureEvent, Sequence, steps_of
from ductape.domain.product.rules.callees import Callee, callee_faults
from ductape.domain.references import uses
from ductape.domain.steps import CHILDREN, NO_CACHE
from ductape.domain.time.instants import read_instant
from ductape.errors import Fault, fault

LONGEST_TRY_MS = 86_400_000
"""A day for one try of a step: the run is in hand for two at a time."""


def feature_faults(product: Product) -> Iterator[Fault]:
    """Tell everything that is wrong with how features are put together."""
    for at, feature in enumerate(product.features):
        path = f"features[{at}]"
        for name, rule in feature.input.items():
            yield from rule_faults(rule, path_to(f"{path}.input", name))
        yield from _form_faults(feature, path)
        yield from _order_faults(feature, path)
        for where, sequence, event in steps_of(feature):
            yield from _event_faults(event, f"{path}.{where}")
            yield from _callee_faults(product, event, f"{path}.{where}")
            yield from _cache_faults(product, event, f"{path}.{where}")
            yield from _dangling(feature, sequence, event, f"{path}.{where}")
        yield from _unknown_results(feature, None, feature.output, f"{path}.output")


def length_faults(product: Product, most: int) -> Iterator[Fault]:
    """Tell which features have more steps than the operator allows (SPEC 19)."""
    for at, feature in enumerate(product.features):
        count = sum(1 for _ in steps_of(feature))
        if count > most:
            yield fault(f"features[{at}].sequence", f"at most {most} steps", f"{count}")


def before(feature: Feature, sequence: Sequence) -> set[str]:
    """Return the sequences that are done before one begins: its parents, and theirs."""
    by_tag = {one.tag: one for one in feature.sequence}
    found: set[str] = set()
    waiting = [*sequence.parents]
    while waiting:
        tag = waiting.pop()
        if tag not in found and tag in by_tag:
            found.add(tag)
            waiting.extend(by_tag[tag].parents)
    return found


def _form_faults(feature: Feature, path: str) -> Iterator[Fault]:
    if feature.handler is not None and feature.sequence:
        hint = "a Python function decides about its steps itself"
        yield fault(f"{path}.sequence", "nothing beside `handler: python`", "one", hint=hint)
    if feature.handler is None and not feature.sequence:
        yield fault(f"{path}.sequence", "at least one sequence", "none")
    steps = [*steps_of(feature)]
    first: dict[str, str] = {}
    for where, sequence, event in steps:
        name = f"{sequence.tag}.{event.known_as}"
        # Two tags of one sequence that are equal are told by `naming`.
        if name in first and (event.tag is None or "." in name.replace(f"{sequence.tag}.", "", 1)):
            found = f"`{name}`, which {first[name]} has already"
            yield fault(f"{path}.{where}.tag", "a step's name of its own", found)
        first.setdefault(name, f"{path}.{where}")


def _order_faults(feature: Feature, path: str) -> Iterator[Fault]:
    tags = {one.tag for one in feature.sequence}
    for at, sequence in enumerate(feature.sequence):
        where = f"{path}.sequence[{at}]"
        if not sequence.events:
            yield fault(f"{where}.events", "at least one event", "none")
        for place, parent in enumerate(sequence.parents):
            if parent not in tags:
                hint = hint_for(parent, tags, {})
                expected = "the tag of a sequence of the same feature"
                yield fault(f"{where}.parents[{place}]", expected, f"`{parent}`", hint=hint)
        if sequence.tag in before(feature, sequence):
            yield fault(f"{where}.parents", "no circle of sequences", f"one, by `{sequence.tag}`")


def _event_faults(event: FeatureEvent, path: str) -> Iterator[Fault]:
    if event.event is None and event.type not in HELD:
        yield fault(f"{path}.event", "the event that the step runs", "nothing")
    if event.event is None and event.tag is None and event.type == "wait":
        yield fault(f"{path}.event", "the name of a signal", "nothing")
    if event.type == "sleep" and len({"ms", "until"} & event.input.keys()) != 1:
        found = listed([*event.input]) if event.input else "nothing"
        yield fault(f"{path}.input", "either `ms` or `until`", found)
    elif event.type == "sleep":
        yield from _sleep_faults(event.input, f"{path}.input")
    if event.type == "sleep" and event.timeout is not None:
        hint = "it ends at its `ms` or `until`"
        yield fault(f"{path}.timeout", "none for `sleep`", f"{event.timeout}", hint=hint)
    if event.type == "wait" and event.input:
        hint = "its result is what the signal says"
        yield fault(f"{path}.input", "none for `wait`", listed([*event.input]), hint=hint)
    if event.type in HELD and event.retries:
        yield fault(f"{path}.retries", f"none for `{event.type}`", str(event.retries))
    if event.cache is not None and event.type in HELD:
        yield fault(f"{path}.cache", f"none for `{event.type}`", f"`{event.cache}`")
    if event.type not in ("wait", *CHILDREN) and (event.timeout or 0) > LONGEST_TRY_MS:
        yield fault(f"{path}.timeout", f"at most {LONGEST_TRY_MS} ms", f"{event.timeout}")


def _callee_faults(product: Product, event: FeatureEvent, path: str) -> Iterator[Fault]:
    """Tell where a step, or what undoes it, runs what cannot be there."""
    if event.event is not None and event.type not in HELD:
        callee = Callee(event.event, event.type, event.app)
        yield from callee_faults(product, callee, path)
    undo = event.rollback
    if undo is not None:
        callee = Callee(undo.event, undo.type, undo.app)
        yield from callee_faults(product, callee, f"{path}.rollback")


def _cache_faults(product: Product, event: FeatureEvent, path: str) -> Iterator[Fault]:
    """Tell a cache of what runs a feature: its result would outlive what undoes it."""
    if event.cache is None or event.event is None or event.type in HELD:
        return
    if event.type in CHILDREN or calls_features(product, event.event):
        yield fault(f"{path}.cache", "none for a feature", f"`{event.cache}`", hint=NO_CACHE)


def _sleep_faults(given: JsonObject, path: str) -> Iterator[Fault]:
    """Judge an end that stands in the document; what references bring is judged by the run."""
    span, instant = given.get("ms"), given.get("until")
    if "ms" in given and not pending(span, resolved=False):
        number = span if isinstance(span, (int, float)) and not isinstance(span, bool) else -1
        if not 0 <= number <= SPAN_MAX_MS:
            found = shown(span, f"{path}.ms")
            yield fault(f"{path}.ms", f"milliseconds, 0 to {SPAN_MAX_MS}", found)
    if "until" in given and not pending(instant, resolved=False):
        read = read_instant(instant, path=f"{path}.until", zone=UTC)
        if not isinstance(read, int):
            yield read


def _dangling(
    feature: Feature, sequence: Sequence, event: FeatureEvent, path: str
) -> Iterator[Fault]:
    """Tell results that no earlier step has; what undoes a step may use the step's own."""
    at = sequence.events.index(event)
    earlier = {one.known_as for one in sequence.events[:at]}
    known = {one.tag: {e.known_as for e in one.events} for one in feature.sequence}
    seen = {tag: known[tag] for tag in before(feature, sequence)} | {sequence.tag: earlier}
    yield from _unknown_results(feature, seen, event.input, f"{path}.input")
    if event.rollback is not None:
        own = seen | {sequence.tag: {*earlier, event.known_as}}
        yield from _unknown_results(feature, own, event.rollback.input, f"{path}.rollback.input")


def _unknown_results(
    feature: Feature, seen: dict[str, set[str]] | None, mapping: object, path: str
) -> Iterator[Fault]:
    known = {one.tag: {e.known_as for e in one.events} for one in feature.sequence}
    there = known if seen is None else seen
    for use in uses(mapping, path=path):  # pyright: ignore[reportArgumentType] (JSON, as decoded)
        if use.name != "Sequence":
            continue
        sequence, *rest = use.segments
        if not rest:
            found = f"`$Sequence{{{sequence}}}`, which names none of its steps"
            yield fault(use.path, "`$Sequence{sequence}{step}`", found, hint=_have(known))
            continue
        step = rest[0]
        if step not in there.get(sequence, ()):
            hint = None if step in known.get(sequence, ()) else _have(known)
            hint = hint or "let its sequence be a parent of this one"
            expected = "a step that is done before, in `$Sequence{sequence}{step}`"
            yield fault(use.path, expected, f"`{{{sequence}}}{{{step}}}`", hint=hint)


def _have(known: dict[str, set[str]]) -> str:
    names = [f"{sequence}.{step}" for sequence, steps in known.items() for step in sorted(steps)]
    return f"there are {listed(names[:20])}" if names else "there is none"

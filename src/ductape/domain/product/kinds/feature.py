"""A feature: declared step by step, or a Python function's."""

from collections.abc import Mapping

import msgspec

from ductape.domain.definitions.feature import (
    FeatureTarget,
    SequenceTarget,
    StepTarget,
    UndoTarget,
)
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.addresses import Address, addresses
from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.format.feature import Feature, FeatureEvent, Undo, kind_in
from ductape.domain.product.kinds.making import plain, target
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target

Kinds = Mapping[str, JobEventTypes]
"""The kind of each thing that an event can name."""


def resolve_feature(product: Product, env: Env, address: Address) -> Target:
    """Return the target of a feature; its mappings are filled step by step."""
    feature = next(one for one in product.features if one.tag == address.event)
    definition: JsonObject = {"input": feature.input}
    made = target(
        product,
        env,
        JobEventTypes.FEATURE,
        feature.tag,
        definition,
        sensitive=feature.sensitive,
        mappings=_mappings(product, feature) if feature.handler is None else None,
    )
    if feature.handler is None:
        return made
    return msgspec.structs.replace(made, needs=f"feature:{feature.tag}")


def _mappings(product: Product, feature: Feature) -> JsonObject:
    kinds = {address.event: address.kind for address in addresses(product)}
    sequences = (
        SequenceTarget(
            tag=sequence.tag,
            events=tuple(_step(kinds, event) for event in sequence.events),
            parents=sequence.parents,
        )
        for sequence in feature.sequence
    )
    return plain(FeatureTarget(tuple(sequences), feature.output, feature.rollback))


def _step(kinds: Kinds, event: FeatureEvent) -> StepTarget:
    undo = event.rollback
    return StepTarget(
        tag=event.known_as,
        type=kind_in(kinds, event),
        event=event.event or "",
        app=event.app,
        input=event.input,
        retries=event.retries,
        allow_fail=event.allow_fail,
        timeout=event.timeout,
        cache=event.cache,
        rollback=None if undo is None else _undo(kinds, undo),
        critical=event.critical,
    )


def _undo(kinds: Kinds, undo: Undo) -> UndoTarget:
    return UndoTarget(
        undo.event, kind_in(kinds, undo), undo.app, undo.input, undo.retries, undo.timeout
    )

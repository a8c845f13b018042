"""Which events call which (SPEC 8), and what an event is because of what it calls.

All is about edges. A kind whose events call others adds its own to `calls`.
"""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from ductape.domain.product.addresses import addresses
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.feature import HELD, steps_of
from ductape.domain.product.walking import things_of
from ductape.domain.request import JobEventTypes
from ductape.domain.steps import CHILDREN

_SESSION = b"$Session"


class Calling(Struct, frozen=True):
    """One event calls another."""

    caller: str
    """Its address, as an `event` names it."""
    callee: str
    path: str
    """Where the document says so."""
    kind: str | None = None
    """What the callee must be; none takes any."""
    app: str | None = None
    """Of an action."""


def calls(product: Product) -> Iterator[Calling]:
    """Yield every call that a document declares, in its order."""
    for at, job in enumerate(product.jobs):
        if job.event_tag is not None:
            path = f"jobs[{at}].event_tag"
            yield Calling(job.tag, job.event_tag, path, job.event_type, job.app)
    for section in ("quotas", "fallbacks"):
        owners = product.quotas if section == "quotas" else product.fallbacks
        for at, owner in enumerate(owners):
            for place, option in enumerate(owner.options):
                path = f"{section}[{at}].options[{place}].event"
                yield Calling(owner.tag, option.event, path, option.type, option.app)
    yield from _of_features(product)


def _of_features(product: Product) -> Iterator[Calling]:
    """Yield what the steps of features run, and what undoes them."""
    for at, feature in enumerate(product.features):
        for where, _, event in steps_of(feature):
            path = f"features[{at}].{where}"
            if event.event is not None and event.type not in HELD:
                yield Calling(feature.tag, event.event, f"{path}.event", event.type, event.app)
            undo = event.rollback
            if undo is not None:
                place = f"{path}.rollback.event"
                yield Calling(feature.tag, undo.event, place, undo.type, undo.app)


def is_sensitive(product: Product, event: str) -> bool:
    """Tell whether an event, or anything that it calls, is declared sensitive."""
    reached = _reached(event, [*calls(product)])
    paths = {one.path for one in addresses(product) if one.event in reached}
    return any(
        getattr(thing, "sensitive", False) and any(_is_at(path, where) for path in paths)
        for where, thing in things_of(product)
    )


def calls_features(product: Product, event: str) -> bool:
    """Tell whether anything that an event calls is a feature, also one that workers announce."""
    edges = [*calls(product)]
    reached = _reached(event, edges)
    known = {one.event for one in addresses(product) if one.kind is JobEventTypes.FEATURE}
    named = {edge.callee for edge in edges if edge.caller in reached and edge.kind in CHILDREN}
    return bool((reached & known) | named)


def reads_sessions(product: Product, event: str) -> bool:
    """Tell whether a mapping of an event, or of anything that it calls, may read the session.

    A feature in Python may call whatever the product has.
    """
    if not product.sessions:
        return False
    mapping = [*product.quotas, *product.fallbacks, *product.features]
    reached = _reached(event, [*calls(product)])
    unknown = reached - {one.event for one in addresses(product)}
    if not unknown | (reached & {one.tag for one in product.features if one.handler is not None}):
        mapping = [one for one in mapping if one.tag in reached]
    return any(_SESSION in msgspec.json.encode(one) for one in mapping)


def _reached(event: str, edges: Sequence[Calling]) -> set[str]:
    """Return an event and all that it calls, however far."""
    reached, waiting = {event}, [event]
    while waiting:
        caller = waiting.pop()
        beyond = {edge.callee for edge in edges if edge.caller == caller} - reached
        reached |= beyond
        waiting += beyond
    return reached


def _is_at(path: str, where: str) -> bool:
    """Tell whether a path is that of a thing, or of a part of it.

    >>> _is_at("notifications[0].messages[1]", "notifications[0]"), _is_at("jobs[1]", "jobs[10]")
    (True, False)
    """
    return path == where or path.startswith(f"{where}.")

"""What calls another event names one that is there, of the kind that it says (SPEC 8)."""

from collections.abc import Iterator

from msgspec import Struct

from ductape.domain.found import listed
from ductape.domain.inputs.pending import pending
from ductape.domain.parsing.nearest import hint_for
from ductape.domain.product.addressed import addressed
from ductape.domain.product.addresses import addresses
from ductape.domain.product.calls import Calling, calls
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.feature import steps_of
from ductape.domain.product.missing import there_are
from ductape.domain.product.resolution import handler_tags
from ductape.domain.request import JobEventTypes
from ductape.domain.steps import CHILDREN
from ductape.domain.webhooks.events import is_delivery
from ductape.errors import Fault, fault

_TOPICS = frozenset({"publish", "subscribe"})
_ANNOUNCED = frozenset({"job", "function"}) | CHILDREN
"""Kinds that a worker may have without the document saying so."""


class Callee(Struct, frozen=True):
    """What is called, as the document names it."""

    event: str
    kind: str | None = None
    """None takes any."""
    app: str | None = None


class Undeclared(Struct, frozen=True):
    """What is called although the document does not declare it: workers must announce it."""

    path: str
    event: str
    tags: frozenset[str]
    """The handler tags that it could mean, as `job:report`: one will do."""


def undeclared(product: Product) -> Iterator[Undeclared]:
    """Yield everything that a right document calls and leaves to workers to have."""
    for edge in (*calls(product), *_callbacks(product)):
        if not any(edge.app in (one.app, None) for one in addressed(product, edge.callee)):
            kind = "feature" if edge.kind == "child" else edge.kind
            tags = handler_tags(edge.callee)
            wanted = tags if kind is None else tags & {f"{kind}:{edge.callee}"}
            yield Undeclared(edge.path, edge.callee, wanted)


def _callbacks(product: Product) -> Iterator[Calling]:
    """Yield what the subscriptions of features make jobs of: a run of its own, so no call."""
    for at, feature in enumerate(product.features):
        for where, _, step in steps_of(feature):
            topics = [one.kind for one in addressed(product, step.event or "")]
            callback, app = step.input.get("callback"), step.input.get("app")
            if JobEventTypes.PUBLISH not in topics or pending(callback, resolved=False):
                continue
            if isinstance(callback, str) and (app is None or isinstance(app, str)):
                path = f"features[{at}].{where}.input.callback"
                yield Calling(feature.tag, callback, path, app=app)


def callee_faults(
    product: Product,
    callee: Callee,
    path: str,
    event_key: str = "event",
    kind_key: str = "type",
) -> Iterator[Fault]:
    """Tell where what is called is not there, is of another kind, or is of several apps."""
    app, kind = callee.app, callee.kind
    apps = [one.tag for one in product.apps]
    if app is not None and app not in apps:
        hint = there_are(apps, app)
        yield fault(f"{path}.app", "the tag of a connected app", f"`{app}`", hint=hint)
        app = None  # What else is wrong is told as if it had not been given.
    named = [one for one in addressed(product, callee.event) if app in (one.app, None)]
    if not named:
        if kind is not None and kind not in _ANNOUNCED:
            yield _unknown(product, kind, callee.event, app, f"{path}.{event_key}")
    elif kind is not None and not any(_same_kind(one.kind, kind) for one in named):
        yield fault(f"{path}.{kind_key}", f"{named[0].kind}, as `{callee.event}` is", kind)
    elif len(named) > 1 and callee.app is None:
        hint = f"`{callee.event}` is an action of {listed([str(one.app) for one in named])}"
        yield fault(f"{path}.app", "the app that is meant", "nothing", hint=hint)


def _unknown(product: Product, kind: str, event: str, app: str | None, path: str) -> Fault:
    names = sorted(
        {
            one.event
            for one in addresses(product)
            if _same_kind(one.kind, kind)
            and app in (one.app, None)
            and not is_delivery(one.kind, one.event)
        }
    )
    owner = "product" if app is None else "app"
    hint = hint_for(event, names, {}) if names else f"the {owner} has none"
    return fault(path, f"an event of kind {kind}", f"`{event}`", hint=hint)


def _same_kind(declared: str, kind: str) -> bool:
    return declared == kind or any({declared, kind} <= alike for alike in (_TOPICS, CHILDREN))

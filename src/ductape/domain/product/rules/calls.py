"""Which events call which: no circles, and no deeper than eight (SPEC 8).

The rules are about edges alone. A kind whose events call others adds its own to `calls`.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from ductape.domain.found import listed
from ductape.domain.product.addresses import addresses
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.feature import HELD, steps_of
from ductape.domain.product.walking import things_of
from ductape.domain.request import JobEventTypes
from ductape.domain.steps import CHILDREN
from ductape.errors import Fault, fault

DEEPEST = 8
"""How deep events may call one another, the outermost counted."""


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


def calling_faults(product: Product) -> Iterator[Fault]:
    """Tell every circle once, and every chain that is too deep."""
    yield from graph_faults([*calls(product)])


def graph_faults(edges: Sequence[Calling]) -> Iterator[Fault]:
    """Tell every circle of calls once, at the call that closes it; else every chain too deep.

    >>> [f["found"] for f in graph_faults([Calling("a", "b", "x"), Calling("b", "a", "y")])]
    ['a circle: `a` → `b` → `a`']
    """
    graph: dict[str, list[Calling]] = {}
    for edge in edges:
        graph.setdefault(edge.caller, []).append(edge)
    circles = [*_circles(graph)]
    for chain in circles:
        found = f"a circle: {_drawn(chain)}"
        yield fault(chain[-1].path, "an event that does not call this one again", found)
    if not circles:
        yield from _too_deep(graph)


def _circles(graph: Mapping[str, Sequence[Calling]]) -> Iterator[list[Calling]]:
    """Walk each event once, without recursion: documents are as deep as somebody writes them."""
    done: set[str] = set()
    for start in graph:
        chain: list[Calling] = []
        on_way = {start} - done
        waiting = [iter(graph[start])] if on_way else []
        while waiting:
            edge = next(waiting[-1], None)
            if edge is None:
                waiting.pop()
                left = chain.pop().callee if chain else start
                on_way.discard(left)
                done.add(left)
            elif edge.callee in on_way:
                yield _closed([*chain, edge])
            elif edge.callee not in done:
                chain.append(edge)
                on_way.add(edge.callee)
                waiting.append(iter(graph.get(edge.callee, ())))


def _closed(chain: list[Calling]) -> list[Calling]:
    """Cut off what leads to a circle.

    >>> [edge.caller for edge in _closed([Calling("a", "b", ""), Calling("b", "b", "")])]
    ['b']
    """
    callers = [edge.caller for edge in chain]
    return chain[callers.index(chain[-1].callee) :]


def _too_deep(graph: Mapping[str, Sequence[Calling]]) -> Iterator[Fault]:
    """Tell the first call of every chain that is too deep; there are no circles."""
    called = {edge.callee for edges in graph.values() for edge in edges}
    for start in graph:
        if start in called:
            continue
        chain = _deepest_chain(graph, start)
        if len(chain) + 1 > DEEPEST:
            expected = f"events at most {DEEPEST} deep"
            yield fault(chain[0].path, expected, f"{len(chain) + 1}: {_drawn(chain)}")


def _deepest_chain(graph: Mapping[str, Sequence[Calling]], start: str) -> list[Calling]:
    """Return the longest chain of calls from an event on, in an order that needs no recursion."""
    longest: dict[str, list[Calling]] = {}
    waiting = [start]
    while waiting:
        event = waiting[-1]
        edges = graph.get(event, ())
        unknown = [edge.callee for edge in edges if edge.callee not in longest]
        if unknown:
            waiting += unknown
            continue
        waiting.pop()
        chains: list[list[Calling]] = [[], *([edge, *longest[edge.callee]] for edge in edges)]
        longest[event] = max(chains, key=len)[: DEEPEST + 1]
    return longest[start]


def _drawn(chain: Sequence[Calling]) -> str:
    """Draw a chain of calls; of a long one its beginning."""
    names = [chain[0].caller, *(edge.callee for edge in chain)]
    return " → ".join(listed([name]) for name in names)

"""Rules about events that call others: no circles, and no deeper than eight (SPEC 8)."""

from collections.abc import Iterator, Mapping, Sequence

from ductape.domain.found import listed
from ductape.domain.product.calls import Calling, calls
from ductape.domain.product.format.document import Product
from ductape.errors import Fault, fault

DEEPEST = 8
"""How deep events may call one another, the outermost counted."""


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

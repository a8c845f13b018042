"""Judging the references of a value before anything is stored or looked up (SPEC 6, 19)."""

from collections.abc import Iterator

from ductape.domain.found import listed
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references.grammar import DEEPEST, MOST_USES, parse
from ductape.domain.references.live import Live, live_at
from ductape.domain.references.names import REFERENCES
from ductape.domain.references.syntax import Flaw, NearMiss, Reference, Template
from ductape.domain.references.walk import LITERAL, Spot, path_of, spots
from ductape.errors import Fault, fault

_WARNINGS_SHOWN = 20
_FAULTS_SHOWN = 50
"""No reader gains by more, and a hostile input could have a million."""


def check(value: JsonValue, *, live: Live, path: str = "input") -> tuple[list[Fault], list[str]]:
    """Return what is wrong with the references of a value, and what looks like a mistake.

    Wrong are malformed texts, references that are not live where they stand, more than
    `MOST_USES` of them, and values nested deeper than `DEEPEST`. Whether a reference points at
    something is told by `resolve`.
    """
    faults: list[Fault] = []
    warnings: list[str] = []
    used = 0
    for spot in spots(value):
        where = path_of(spot.steps, path)
        if spot.text is None:
            faults.append(fault(where, f"at most {DEEPEST} levels of nesting", "a deeper value"))
            continue
        template = parse(spot.text)
        used += template.uses
        faults += [flaw.fault(where) for flaw in _flaws(template, live_at(live, spot.steps))]
        if len(warnings) < _WARNINGS_SHOWN:
            warnings += _warnings(template, spot, where)
        if used > MOST_USES or len(faults) > _FAULTS_SHOWN:
            break
    if used > MOST_USES:
        faults.append(fault(path, f"at most {MOST_USES} references and operators", "more"))
    return faults[:_FAULTS_SHOWN], warnings[:_WARNINGS_SHOWN]


def count_uses(value: JsonValue) -> int:
    """Return how many references and operators a value holds.

    >>> count_uses({"a": ["$Now()", "for $Session{user}{id}", {"$literal": "$Now()"}]})
    2
    """
    return sum(parse(spot.text).uses for spot in spots(value) if spot.text is not None)


def _flaws(template: Template, live: frozenset[str]) -> Iterator[Flaw]:
    yield from template.flaws
    for reference in template.references:
        if reference.name not in live:
            yield _not_live(reference, live)


def _not_live(reference: Reference, live: frozenset[str]) -> Flaw:
    names = listed([f"${name}" for name in sorted(live)])
    expected = f"one of the references that are live here ({names})"
    hint = REFERENCES[reference.name].home
    return Flaw(reference.at, expected, f"`${reference.name}`", hint)


def _warnings(template: Template, spot: Spot, where: str) -> Iterator[str]:
    for miss in template.near_misses:
        yield _near_miss(miss, where)
    if LITERAL in spot.steps and template.uses:
        yield (
            f"{where}: `{LITERAL}` counts only as the one key of its object; "
            "here the references below it are resolved"
        )


def _near_miss(miss: NearMiss, where: str) -> str:
    return (
        f"{where}: `{miss.written}` at character {miss.at + 1} is plain text; "
        f"did you mean `{miss.meant}`?"
    )

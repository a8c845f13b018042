"""Putting values in the place of references and operators (SPEC 6).

A text that is exactly one reference or operator takes the value with its type; inside longer text
the value becomes text. What a reference brings in is never parsed again. Everything missing is
told at once.
"""

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.references.evaluate import Evaluation
from ductape.domain.references.grammar import DEEPEST, parse
from ductape.domain.references.scope import Scope
from ductape.domain.references.syntax import Flaw
from ductape.domain.references.walk import (
    LITERAL,
    Steps,
    is_literal,
    needs_resolving,
    path_of,
    spots,
)
from ductape.errors import Fault, ReferenceMissing, ValidationError

_TOO_DEEP = Flaw(0, f"at most {DEEPEST} levels of nesting", "a deeper value")


class Use(Struct, frozen=True):
    """One reference in a value."""

    path: str
    """Of its text, as `input.userId`."""
    name: str
    segments: tuple[str, ...]
    at: int
    """Its first character in the text, from 0."""


def resolve(value: JsonValue, scope: Scope, *, path: str = "input") -> JsonValue:
    """Return the value with every reference and operator replaced by what it stands for.

    Raises `ReferenceMissing` with every fault where a reference points at nothing, else
    `ValidationError` where a text is malformed or an operator is given the wrong types.
    """
    if not needs_resolving(value):
        return value
    rebuilding = _Rebuilding(scope)
    rebuilt = rebuilding.rebuilt(value, ())
    if rebuilding.flaws:
        raise _refusal(rebuilding.flaws, path)
    return rebuilt


def missing(value: JsonValue, scope: Scope) -> list[str]:
    """Return what a value wants of a scope that has not got it, as "a value for `$Input{a}`".

    What else is wrong with it is not told, nor what an operator such as `$Default` does without.
    """
    rebuilding = _Rebuilding(scope)
    rebuilding.rebuilt(value, ())
    return [flaw.expected for _, flaw in rebuilding.flaws if flaw.missing]


def uses(value: JsonValue, *, path: str = "input") -> tuple[Use, ...]:
    """Return every reference of a value, in document order, also those inside operators."""
    return tuple(
        Use(path_of(spot.steps, path), reference.name, reference.path, reference.at)
        for spot in spots(value)
        if spot.text is not None
        for reference in parse(spot.text).references
    )


def sensitive_texts(value: JsonValue, scope: Scope) -> tuple[str, ...]:
    """Return the texts that sessions, secrets and auths bring into a value, to mask them later.

    Those are every text and number inside what a reference points at, and what operators make of
    them. References that point at nothing bring none.
    """
    evaluation = Evaluation(scope)
    for spot in spots(value):
        if spot.text is not None:
            evaluation.value_of(parse(spot.text))
    return tuple(dict.fromkeys(evaluation.sensitive))


class _Rebuilding:
    """A value on its way to its resolved form; it keeps what is wrong, with its place."""

    __slots__ = ("flaws", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.flaws: list[tuple[Steps, Flaw]] = []

    def rebuilt(self, value: JsonValue, steps: Steps) -> JsonValue:
        """Resolve a value that stands at a place."""
        match value:
            case str() if "$" in value:
                return self._text(value, steps)
            case dict() | list() if len(steps) >= DEEPEST:
                self.flaws.append((steps, _TOO_DEEP))
                return None
            case dict():
                return self._object(value, steps)
            case list():
                return [self.rebuilt(item, (*steps, at)) for at, item in enumerate(value)]
            case _:
                return value

    def _object(self, members: JsonObject, steps: Steps) -> JsonValue:
        if is_literal(members):
            return members[LITERAL]
        return {key: self.rebuilt(member, (*steps, key)) for key, member in members.items()}

    def _text(self, text: str, steps: Steps) -> JsonValue:
        evaluation = Evaluation(self.scope)
        value = evaluation.value_of(parse(text))
        self.flaws.extend((steps, flaw) for flaw in evaluation.flaws)
        return value


def _refusal(flaws: list[tuple[Steps, Flaw]], path: str) -> ValidationError:
    """Make the error: what is missing gives it its name, the rest keeps its own code."""
    faults = [flaw.fault(path_of(steps, path)) for steps, flaw in flaws]
    if not any(flaw.missing for _, flaw in flaws):
        return ValidationError(faults)
    return ReferenceMissing(
        [_coded(each, flaw) for each, (_, flaw) in zip(faults, flaws, strict=True)]
    )


def _coded(fault: Fault, flaw: Flaw) -> Fault:
    if flaw.missing:
        return fault
    return {**fault, "code": ValidationError.code}

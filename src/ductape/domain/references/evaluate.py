"""What one text stands for, once its references are looked up and its operators applied (SPEC 6).

The parser bounds how deep operators stand inside one another, and so how deep this recurses.
"""

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references.names import REFERENCES
from ductape.domain.references.operators import OPERATORS, Mismatch
from ductape.domain.references.scope import Scope
from ductape.domain.references.syntax import (
    Argument,
    Call,
    Flaw,
    Given,
    Listing,
    Reference,
    Template,
    Text,
)
from ductape.domain.references.values import as_text, leaf_texts


class Evaluation:
    """Computes what texts stand for; what goes wrong counts as null and is kept as a flaw."""

    __slots__ = ("flaws", "scope", "sensitive")

    def __init__(self, scope: Scope) -> None:
        """Begin with nothing wrong and nothing sensitive seen."""
        self.scope = scope
        self.flaws: list[Flaw] = []
        self.sensitive: list[str] = []

    def value_of(self, template: Template) -> JsonValue:
        """Evaluate one text."""
        if template.flaws:
            self.flaws.extend(template.flaws)
            return None
        if template.alone is not None:
            return self._argument(template.alone)
        return "".join(
            part.text if isinstance(part, Text) else as_text(self._argument(part))
            for part in template.parts
        )

    def _argument(self, argument: Argument) -> JsonValue:
        match argument:
            case Given():
                return argument.value
            case Listing():
                return [self._argument(item) for item in argument.items]
            case Reference():
                return self._looked_up(argument)
            case Call():
                return self._called(argument)

    def _looked_up(self, reference: Reference) -> JsonValue:
        try:
            value = self.scope.lookup(reference.name, reference.path)
        except KeyError:
            self.flaws.append(self._missing(reference))
            return None
        if REFERENCES[reference.name].sensitive:
            self.sensitive.extend(leaf_texts(value))
        return value

    def _missing(self, reference: Reference) -> Flaw:
        known = reference.name in self.scope.sources
        return Flaw(
            reference.at,
            f"a value for `{reference}`",
            "nothing" if known else REFERENCES[reference.name].absent,
            hint="`$Default(reference, value)` where it may be missing" if known else None,
            missing=True,
        )

    def _called(self, call: Call) -> JsonValue:
        operator = OPERATORS[call.name]
        flaws_before, sensitive_before = len(self.flaws), len(self.sensitive)
        arguments = self._chosen(call) if operator.choosing else self._all(call)
        if len(self.flaws) > flaws_before:
            return None
        if operator.clocked:
            arguments = (self.scope.now_ms, *arguments)
        try:
            result = operator.apply(arguments)
        except Mismatch as mismatch:
            expected = f"{mismatch.expected} of `{operator.usage}`"
            self.flaws.append(Flaw(call.at, expected, mismatch.found))
            return None
        if len(self.sensitive) > sensitive_before:
            self.sensitive.extend(leaf_texts(result))
        return result

    def _all(self, call: Call) -> tuple[JsonValue, ...]:
        return tuple(self._argument(argument) for argument in call.arguments)

    def _chosen(self, call: Call) -> tuple[JsonValue, ...]:
        """Evaluate arguments until one has a value; of the last, a missing one is told."""
        for argument in call.arguments[:-1]:
            before = len(self.flaws)
            value = self._argument(argument)
            flaws = self.flaws[before:]
            if not all(flaw.missing for flaw in flaws):
                return (None,)
            if value is not None and not flaws:
                return (value,)
            del self.flaws[before:]
        return (self._argument(call.arguments[-1]),)

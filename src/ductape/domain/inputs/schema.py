"""What a definition may ask of its input's fields: one rule for every kind (SPEC 9, "Features").

A schema names the fields that an input has: each must be given unless its rule says
`required: false`; others may be there. A null counts as left out. `minlength` and `maxlength`
count a text's characters, a list's items, an object's keys, and a number's digits and sign as it
is written; a boolean has no length.
"""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct

from ductape.domain.datatypes import ARRAY_OF, DATA_TYPES
from ductape.domain.found import kind_of, path_to, shown
from ductape.domain.inputs.pending import pending
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.nearest import hint_for
from ductape.errors import Fault, fault


class FieldRule(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What one field must be."""

    type: str
    """One of `DATA_TYPES`."""
    required: bool = True
    """Whether it must be given; the published `IFeatureInput` has no word for one that need not."""
    minlength: int | None = None
    maxlength: int | None = None

    def __post_init__(self) -> None:
        """Refuse a type that nobody knows, as msgspec refuses a wrong shape."""
        if self.type not in DATA_TYPES:
            known = ", ".join(sorted(DATA_TYPES))
            raise ValueError(f"expected one of {known}, found {self.type}")


Rules = dict[str, FieldRule]


def read_rules(schema: JsonObject) -> dict[str, Rules]:
    """Decode an action's request schema: `{query|params|body|headers: {field: rule}}`.

    Raises `msgspec.ValidationError`, with the place, for a schema that is none.
    """
    return msgspec.convert(schema, dict[str, Rules])


def rules_of(schema: JsonValue) -> Rules:
    """Decode a schema `{field: rule}` that a document was accepted with; none asks nothing."""
    return msgspec.convert(schema, Rules) if isinstance(schema, dict) else {}


def check_fields(
    values: Mapping[str, JsonValue], rules: Rules, path: str, *, resolved: bool
) -> list[Fault]:
    """Tell everything that is wrong with the fields that the rules name; others may be there."""
    if not rules:
        return []
    found = (
        _field_fault(values.get(name), rule, path_to(path, name), resolved=resolved)
        for name, rule in rules.items()
    )
    return [one for one in found if one is not None]


def rule_faults(rule: JsonValue, path: str) -> Iterator[Fault]:
    """Tell what is wrong with a field's rule, as a document has it."""
    kind = rule.get("type") if isinstance(rule, dict) else None
    if isinstance(kind, str) and kind not in DATA_TYPES:
        hint = hint_for(kind, DATA_TYPES, {})
        yield fault(f"{path}.type", "one of the data types", shown(kind, path), hint=hint)
        return
    try:
        read = msgspec.convert(rule, FieldRule)
    except msgspec.ValidationError as error:
        yield fault(path, "`{type, required, minlength, maxlength}`", f"an error: {error}")
    else:
        yield from _span_faults(read, path)


def _span_faults(rule: FieldRule, path: str) -> Iterator[Fault]:
    """Tell lengths that no value has. Not of what is stored: it was taken as it is."""
    lengths = {"minlength": rule.minlength, "maxlength": rule.maxlength}
    given = {name: length for name, length in lengths.items() if length is not None}
    if rule.type == "BOOLEAN":
        for name, length in given.items():
            yield fault(f"{path}.{name}", "none for a boolean, which has no length", str(length))
        return
    for name, length in given.items():
        if length < 0:
            yield fault(f"{path}.{name}", "an integer, 0 or more", str(length))
    least, most = rule.minlength or 0, rule.maxlength
    if most is not None and 0 <= most < least:
        yield fault(f"{path}.maxlength", f"at least {least}, the `minlength`", str(most))


def _field_fault(value: JsonValue, rule: FieldRule, path: str, *, resolved: bool) -> Fault | None:
    if value is None:
        return fault(path, rule.type, "nothing") if rule.required else None
    if pending(value, resolved=resolved):
        return None
    if not _fits(value, rule.type, resolved=resolved):
        return fault(path, rule.type, kind_of(value))
    return _length_fault(value, rule, path)


def _fits(value: JsonValue, type_name: str, *, resolved: bool) -> bool:
    if not type_name.endswith(ARRAY_OF):
        return DATA_TYPES[type_name](value)
    item = DATA_TYPES[type_name.removesuffix(ARRAY_OF)]
    return isinstance(value, list) and all(
        pending(member, resolved=resolved) or item(member) for member in value
    )


def _length_fault(value: JsonValue, rule: FieldRule, path: str) -> Fault | None:
    if isinstance(value, bool):
        return None
    length = len(value) if isinstance(value, (str, list, dict)) else len(str(value))
    if rule.minlength is not None and length < rule.minlength:
        return fault(path, f"a length of at least {rule.minlength}", f"a length of {length}")
    if rule.maxlength is not None and length > rule.maxlength:
        return fault(path, f"a length of at most {rule.maxlength}", f"a length of {length}")
    return None

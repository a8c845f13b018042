"""What cannot be judged yet: values that references will bring in (SPEC 6 and 9).

An input is checked when it is scheduled and again after injection. The first time a text with a
reference may still become anything, so its type is left to the second time. A `$` that begins none,
as in `$5`, is a character like any other.
"""

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.references import parse

LITERAL = "$literal"

LONGEST_READ = 1024
"""Characters; a longer text with a `$` is left to the second time, since reading it takes long."""


def pending(value: JsonValue, *, resolved: bool) -> bool:
    """Tell whether a value is still to be replaced by what its references name."""
    return not resolved and isinstance(value, str) and "$" in value and _may_change(value)


def _may_change(text: str) -> bool:
    """Tell whether a text will be another one after injection, also by a `$$` in it."""
    if len(text) > LONGEST_READ or "$$" in text:
        return True
    template = parse(text)
    return bool(template.uses or template.flaws)


def without_literals(value: JsonObject) -> JsonObject:
    """Return an input as it will be once every `{"$literal": value}` is its value.

    >>> without_literals({"body": {"name": {"$literal": "a"}}})
    {'body': {'name': 'a'}}
    """
    return {key: _peeled(member) for key, member in value.items()}


def _peeled(value: JsonValue) -> JsonValue:
    match value:
        case {"$literal": inner} if len(value) == 1:
            return inner
        case dict():
            return without_literals(value)
        case list():
            return [_peeled(member) for member in value]
        case _:
            return value

"""What cannot be judged yet: values that references will bring in (SPEC 6 and 9).

An input is checked when it is scheduled and again after injection. The first time a text with a
`$` may still become anything, so its type is left to the second time.
"""

from ductape.domain.jsonvalue import JsonObject, JsonValue

LITERAL = "$literal"


def pending(value: JsonValue, *, resolved: bool) -> bool:
    """Tell whether a value is still to be replaced by what its references name."""
    return not resolved and isinstance(value, str) and "$" in value


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

"""MongoDB templates: JSON documents whose `{{placeholders}}` only ever become values (SPEC 9).

A placeholder is the whole of a string. What it brings in may hold no key that begins with `$`, so
that no operator comes from an input; where MongoDB reads expressions, a text that begins with `$`
is wrapped in `$literal`, so that it names no field. Templates that run JavaScript are refused.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, TypeAlias, cast

from msgspec import Struct

from ductape.domain.found import kind_of, listed
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.nearest import hint_for
from ductape.domain.templates.placeholders import SHAPE, Flawed, Placeholder, read_placeholder

ActionType: TypeAlias = Literal["read", "create", "update", "delete", "aggregate"]
Steps: TypeAlias = tuple[str | int, ...]

_KEYS: Mapping[ActionType, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "read": (("collection",), ("filter", "projection", "sort", "limit", "skip")),
    "create": (("collection", "document"), ()),
    "update": (("collection", "filter", "update"), ("many", "upsert")),
    "delete": (("collection", "filter"), ("many",)),
    "aggregate": (("collection", "pipeline"), ()),
}
"""What each action's template must have, and what it may have besides."""

_LARGEST = 2**63 - 1

_SCRIPTS = frozenset({"$where", "$function", "$accumulator", "mapReduce"})
"""JavaScript on the server: a value in it would be code."""

_WRITERS = frozenset({"$out", "$merge"})
"""Stages that write: an aggregate only reads."""

_TYPES: Mapping[str, type[object] | tuple[type[object], ...]] = {
    "collection": str,
    "filter": (dict, str),
    "projection": dict,
    "sort": dict,
    "document": (dict, str),
    "limit": (int, str),
    "skip": (int, str),
    "update": (dict, list),
    "pipeline": list,
    "many": bool,
    "upsert": bool,
}


class DocumentFault(ValueError):
    """Why a template cannot be used, and where in it."""

    def __init__(self, steps: Steps, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.steps = steps
        self.expected = expected
        self.found = found


class Spot(Struct, frozen=True):
    """A placeholder and its place in the template."""

    steps: Steps
    placeholder: Placeholder


def read_document(template: JsonValue, action: ActionType) -> tuple[Spot, ...]:
    """Return every placeholder of a template; raises `DocumentFault`."""
    if not isinstance(template, dict):
        raise DocumentFault((), "an object, as templates of MongoDB are", kind_of(template))
    _judge_keys(template, action)
    if SHAPE.search(cast("str", template["collection"])):
        raise DocumentFault(("collection",), "the name of a collection", "a placeholder")
    found = tuple(_spots(template, ()))
    if action == "aggregate":
        _judge_pipeline(cast("list[JsonValue]", template["pipeline"]))
    return found


def filled(template: JsonObject, value_of: Callable[[Placeholder], JsonValue]) -> JsonObject:
    """Return a template with its values in it; presumes that they have been judged."""
    whole = {
        key: _filled(member, value_of, expression=key in {"projection", "pipeline"})
        for key, member in template.items()
    }
    update = template.get("update")
    if isinstance(update, list):
        whole["update"] = _filled(update, value_of, expression=True)
    return whole


def _judge_keys(template: JsonObject, action: ActionType) -> None:
    needed, optional = _KEYS[action]
    for key in needed:
        if template.get(key) is None:
            raise DocumentFault((key,), f"`{key}` in a template of type {action}", "nothing")
    for key, value in template.items():
        if key not in (*needed, *optional):
            near = hint_for(key, (*needed, *optional), {})
            known = listed((*needed, *optional))
            raise DocumentFault((key,), f"one of {known}", f"another key ({near})")
        if not _is_of_its_type(key, value):
            raise DocumentFault((key,), "another type", kind_of(value))
    if action == "update":
        _judge_update(template["update"])


def _is_of_its_type(key: str, value: JsonValue) -> bool:
    wanted = _TYPES.get(key, object)
    if isinstance(value, str) and key != "collection":
        return SHAPE.fullmatch(value.strip()) is not None
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


def _judge_update(update: JsonValue) -> None:
    if not update:
        raise DocumentFault(("update",), "what is changed", "nothing")
    for key in update if isinstance(update, dict) else ():
        if not key.startswith("$"):
            raise DocumentFault(("update", key), "operators such as `$set`", "a field")


def _spots(value: JsonValue, steps: Steps) -> Iterator[Spot]:
    match value:
        case str():
            yield from _in_text(value, steps)
        case list():
            for at, member in enumerate(value):
                yield from _spots(member, (*steps, at))
        case dict():
            for key, member in value.items():
                _judge_key(key, (*steps, key))
                yield from _spots(member, (*steps, key))
        case int() if not -_LARGEST - 1 <= value <= _LARGEST:
            raise DocumentFault(steps, "integers of at most 64 bits", "a larger one")
        case _:
            return


def _in_text(text: str, steps: Steps) -> Iterator[Spot]:
    found = SHAPE.search(text)
    if found is None:
        return
    if found[0] != text.strip():
        raise DocumentFault(steps, "a placeholder that is the whole of its text", "a longer text")
    try:
        yield Spot(steps, read_placeholder(found[1]))
    except Flawed as flaw:
        raise DocumentFault(steps, flaw.expected, flaw.found) from None


def _judge_key(key: str, steps: Steps) -> None:
    if SHAPE.search(key):
        raise DocumentFault(steps, "keys without placeholders", "one with")
    if key in _SCRIPTS:
        raise DocumentFault(steps, "no JavaScript on the server", f"`{key}`")


def _judge_pipeline(pipeline: list[JsonValue]) -> None:
    for at, stage in enumerate(pipeline):
        if not isinstance(stage, dict) or len(stage) != 1:
            raise DocumentFault(("pipeline", at), "a stage, an object with one key", kind_of(stage))
        (name,) = stage
        if name in _WRITERS:
            raise DocumentFault(("pipeline", at, name), "stages that only read", f"`{name}`")


def _filled(
    value: JsonValue, value_of: Callable[[Placeholder], JsonValue], *, expression: bool
) -> JsonValue:
    match value:
        case str():
            found = SHAPE.search(value)
            if found is None:
                return value
            brought = value_of(read_placeholder(found[1]))
            return {"$literal": brought} if expression and _evaluated(brought) else brought
        case list():
            return [_filled(member, value_of, expression=expression) for member in value]
        case dict():
            return {
                key: _filled(member, value_of, expression=_evaluates(key, within=expression))
                for key, member in value.items()
            }
        case _:
            return value


def _evaluates(key: str, *, within: bool) -> bool:
    """Tell whether MongoDB reads expressions below a key."""
    if key == "$expr":
        return True
    return within and key != "$match"


def _evaluated(value: JsonValue) -> bool:
    """Tell whether an expression would take a value for something else than itself."""
    match value:
        case str():
            return value.startswith("$")
        case list():
            return any(_evaluated(member) for member in value)
        case dict():
            return any(_evaluated(member) for member in value.values())
        case _:
            return False

"""Every fault of the settings at once, each with its path (SPEC 16)."""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import TypeVar, cast

import msgspec
from msgspec import Struct

from ductape.domain.found import kind_of, path_to
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.nearest import hint_for
from ductape.errors import ConfigError, Fault, fault

S = TypeVar("S", bound=Struct)
Steps = tuple[str | int, ...]

_SAID = re.compile(r"(?P<said>.*?)(?: - at `\$(?P<place>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_WANTED = re.compile(r"Expected `(?P<kind>\w+)(?: \| null)?`(?P<bound>(?: of)? [^,]+)?.*")
_KINDS = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
_WHERE = "`docs/reference/settings.md` lists every setting"


def settings_of(given: JsonObject, kind: type[S], environ: Mapping[str, str]) -> S:
    """Read settings; raises `ConfigError` with every fault.

    `environ` names the variable that gave a setting, by its path, as `worker.concurrency`.
    """
    left, faults = deepcopy(given), list[Fault]()
    while True:
        try:
            settings = msgspec.convert(left, kind, strict=False)
        except msgspec.ValidationError as error:
            steps, told = _told(str(error), left, kind, environ)
            faults.append(told)
            if not _dropped(left, steps):
                break
        else:
            if not faults:
                return settings
            break
    said = "; ".join(one["message"] for one in faults)
    first = faults[0]
    raise ConfigError(
        said, path=first["path"], hint=first.get("hint", _WHERE), details={"errors": faults}
    )


def _told(
    message: str, given: JsonObject, kind: type[Struct], environ: Mapping[str, str]
) -> tuple[Steps, Fault]:
    """Read what msgspec says of the first fault that it met."""
    match = _SAID.fullmatch(message)
    said, place = (match["said"], match["place"] or "") if match else (message, "")
    steps = tuple(name or int(at) for name, at in _STEP.findall(place))
    if unknown := _UNKNOWN.fullmatch(said):
        name = unknown["name"]
        hint = hint_for(name, _known(kind, steps), {})
        wanted = "a known setting"
        return (*steps, name), fault(_path((*steps, name)), wanted, "an unknown one", hint=hint)
    if place.endswith("[...]"):
        steps = (*steps, _odd_one(_at(given, steps)))
    path = _path(steps)
    by = environ.get(path)
    hint = None if by is None else f"it is given by {by}"
    return steps, fault(path, _expected(said), _found(_at(given, steps)), hint=hint)


def _expected(said: str) -> str:
    wanted = _WANTED.fullmatch(said)
    if wanted is None:
        return said
    return _KINDS.get(wanted["kind"], wanted["kind"]) + (wanted["bound"] or "")


def _at(given: JsonObject, steps: Steps) -> JsonValue:
    value: JsonValue = given
    for step in steps:
        value = cast("dict[str | int, JsonValue]", value)[step]
    return value


def _odd_one(table: JsonValue) -> str:
    """Return the name in a table of texts whose value is none."""
    named = cast("JsonObject", table)
    return next(name for name, value in named.items() if not isinstance(value, str))


def _found(value: JsonValue) -> str:
    """Say what stands there; of a text only that it is one, for it may be secret."""
    return repr(value) if isinstance(value, int | float) else kind_of(value)


def _known(kind: type[Struct], steps: Steps) -> tuple[str, ...]:
    for step in steps:
        fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
        kind = fields[str(step)]
    return kind.__struct_fields__


def _dropped(given: JsonObject, steps: Steps) -> bool:
    """Take out what was at fault, so that what is behind it is looked at; an item with its list."""
    named = [step for step in steps if isinstance(step, str)]
    table: JsonValue = given
    for step in named[:-1]:
        table = table[step] if isinstance(table, dict) else None
    if not named or not isinstance(table, dict):
        return False
    return table.pop(named[-1], None) is not None


def _path(steps: Steps) -> str:
    path = ""
    for step in steps:
        path = path_to(path, step)
    return path

"""The input of a database action: `{data, filter}`, which feed the placeholders of its template.

A plain `{{name}}` is looked up in `data`, then in `filter`: `data` wins. `{{data.name}}` and
`{{filter.name}}` say which is meant, `{{data}}` and `{{filter}}` take the whole, and a dot goes on
into objects. `{{run.idempotency_key}}` is the run's own. What nothing asks for is refused as well:
a misspelt filter would delete too much. `data` may be a list for writes: one statement for each.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import cast

from msgspec import Struct

from ductape.domain.definitions.database import (
    DIALECTS,
    READS,
    ActionType,
    DatabaseType,
    template_in,
)
from ductape.domain.found import kind_of, path_to
from ductape.domain.inputs.channels import unknown_keys
from ductape.domain.inputs.pending import pending
from ductape.domain.inputs.values import value_fault
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.nearest import hint_for
from ductape.domain.templates.document_values import misfit
from ductape.domain.templates.documents import Spot, read_document
from ductape.domain.templates.placeholders import Placeholder
from ductape.domain.templates.sql import read_template
from ductape.errors import Fault, fault

PARTS = ("data", "filter")
IDEMPOTENCY_KEY = "run.idempotency_key"
"""The placeholder of what is the same in every attempt of a run."""

MOST_ITEMS = 10_000
"""How many objects a list in `data` may have, as a batch of jobs may."""


class Fed(Struct, frozen=True):
    """What one statement is fed with."""

    data: JsonValue
    filter: JsonValue
    at: int | None = None
    """Its place in the list of `data`; none where there is no list."""
    idempotency_key: str = ""

    def path(self, part: str) -> str:
        """Name the place of a part of the input."""
        path = f"input.{part}"
        return path if part != "data" or self.at is None else path_to(path, self.at)


class Found(Struct, frozen=True):
    """A value that a placeholder is given, and where it stands."""

    value: JsonValue
    path: str


def check_database(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:
    """Tell everything that is wrong with a database action's input.

    `definition` is a `DatabaseTarget` as JSON, its references perhaps unresolved.
    """
    shapes = _shape_faults(definition, given, resolved=resolved)
    faults = [*unknown_keys(given, PARTS, "input"), *shapes]
    refused = frozenset(one["path"] for one in shapes)
    asked = _asked(definition)
    home = "filter" if definition["type"] in {*READS, "delete"} else "data"
    sound = given if "input.data" not in refused else {**given, "data": None}
    for fed in feeds(sound):
        faults += _missing_or_wrong(asked, fed, home, refused, resolved=resolved)
        faults += _unasked({one.placeholder.name for one in asked}, fed, resolved=resolved)
    return [*{one["message"]: one for one in faults}.values()]


def feeds(given: JsonObject, idempotency_key: str = "") -> Iterator[Fed]:
    """Yield what each statement is fed with: one, or one for each item of a list in `data`."""
    data, chosen = given.get("data"), given.get("filter")
    if isinstance(data, list):
        for at, item in enumerate(data):
            yield Fed(item, chosen, at, idempotency_key)
    else:
        yield Fed(data, chosen, None, idempotency_key)


def value_for(fed: Fed) -> Callable[[Placeholder], JsonValue]:
    """Return what gives each placeholder its value; presumes that nothing is wrong with any."""

    def value_of(wanted: Placeholder) -> JsonValue:
        found = _find(wanted.name, fed)
        return None if found is None else found.value

    return value_of


def _asked(definition: JsonObject) -> tuple[Spot, ...]:
    """Return every placeholder of a definition's template; in SQL it has no steps."""
    template = template_in(definition)
    kind = cast("DatabaseType", definition["database_type"])
    if kind == "mongodb":
        return read_document(template, cast("ActionType", definition["type"]))
    placeholders = read_template(str(template), DIALECTS[kind]).placeholders
    return tuple(Spot((), placeholder) for placeholder in placeholders)


def _shape_faults(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:
    faults: list[Fault] = []
    listable = definition["type"] not in READS
    for part in PARTS:
        value, path = given.get(part), f"input.{part}"
        if value is None or isinstance(value, dict) or pending(value, resolved=resolved):
            continue
        if part == "data" and listable and isinstance(value, list):
            faults += _list_faults(value, path, resolved=resolved)
        else:
            wanted = "an object, or a list of them" if part == "data" and listable else "an object"
            faults.append(fault(path, wanted, kind_of(value)))
    return faults


def _list_faults(items: list[JsonValue], path: str, *, resolved: bool) -> list[Fault]:
    if not 0 < len(items) <= MOST_ITEMS:
        return [fault(path, f"1 to {MOST_ITEMS} objects", str(len(items)))]
    return [
        fault(path_to(path, at), "an object", kind_of(item))
        for at, item in enumerate(items)
        if not isinstance(item, dict) and not pending(item, resolved=resolved)
    ]


def _missing_or_wrong(
    asked: Sequence[Spot], fed: Fed, home: str, refused: frozenset[str], *, resolved: bool
) -> Iterator[Fault]:
    """Yield what is wrong with each value; nobody knows what a part lacks that is `refused`."""
    awaited = any(pending(part, resolved=resolved) for part in (fed.data, fed.filter))
    if refused:
        awaited = awaited or not refused.isdisjoint(("input.data", *map(fed.path, PARTS)))
    told: set[str] = set()
    for spot in asked:
        wanted = spot.placeholder
        found = _find(wanted.name, fed)
        if found is not None and found.path not in refused:
            yield from _wrong(spot, found, resolved=resolved)
        elif found is None and not awaited and wanted.name not in told:
            told.add(wanted.name)
            yield fault(_home_path(wanted.name, fed, home), _wanted(wanted), "nothing")


def _wrong(spot: Spot, found: Found, *, resolved: bool) -> Iterator[Fault]:
    """Yield what is wrong with the value of a placeholder: by its type, or in its document."""
    wrong = value_fault(spot.placeholder, found.value, found.path, resolved=resolved)
    if wrong is not None:
        yield wrong
    elif spot.steps and not pending(found.value, resolved=resolved):
        misfitting = misfit(spot, found.value)
        if misfitting is not None:
            yield fault(found.path, *misfitting)


def _unasked(names: set[str], fed: Fed, *, resolved: bool) -> Iterator[Fault]:
    for part, value in ((PARTS[0], fed.data), (PARTS[1], fed.filter)):
        if part in names or not isinstance(value, dict) or pending(value, resolved=resolved):
            continue
        known = {_first(name, part) for name in names} - {None}
        for key in value:
            if key not in known and key not in names:
                hint = hint_for(key, sorted(one for one in known if one), {}) if known else None
                wanted = "a name that the template asks for"
                yield fault(path_to(fed.path(part), key), wanted, "another", hint=hint)


def _find(name: str, fed: Fed) -> Found | None:
    """Look a name up; none where it is in neither part."""
    if name == IDEMPOTENCY_KEY:
        return Found(fed.idempotency_key, "run")
    part, dot, rest = name.partition(".")
    if part in PARTS:
        value = fed.data if part == "data" else fed.filter
        if not dot:
            return None if value is None else Found(value, fed.path(part))
        return _inside(value, rest, fed.path(part))
    return _inside(fed.data, name, fed.path("data")) or _inside(fed.filter, name, "input.filter")


def _inside(value: JsonValue, name: str, path: str) -> Found | None:
    if not isinstance(value, dict):
        return None
    if name in value:
        return Found(value[name], path_to(path, name))
    key, dot, rest = name.partition(".")
    return _inside(value[key], rest, path_to(path, key)) if dot and key in value else None


def _first(name: str, part: str) -> str | None:
    """Return the first key that a name looks for in a part; none if it looks elsewhere."""
    head, _, rest = name.partition(".")
    if head not in PARTS:
        return head
    return rest.partition(".")[0] if head == part else None


def _home_path(name: str, fed: Fed, home: str) -> str:
    head, _, rest = name.partition(".")
    part, key = (head, rest) if head in PARTS else (home, name)
    return f"{fed.path(part)}.{key}" if key else fed.path(part)


def _wanted(wanted: Placeholder) -> str:
    return "a value" if wanted.type == "ANY" else wanted.type

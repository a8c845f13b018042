"""Values of a request: written out where they are plain, secret or asked for where they are not."""

import re
from collections.abc import Mapping
from typing import cast

from msgspec import Struct, field
from msgspec.structs import replace

from ductape.domain.inputs.unique import is_marked
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.rules.credentials import names_credential
from ductape.importers.options import Options
from ductape.importers.postman.dynamic import DYNAMIC, is_own_uuid, told
from ductape.importers.postman.samples import Bare, Sample, named_in
from ductape.importers.postman.scopes import NAMED
from ductape.importers.postman.variables import Variables
from ductape.importers.report import Report
from ductape.importers.sealing import escaped, looks_secret, names_secret, parts_of
from ductape.importers.tags import secret_name

_DEEPEST = 32
_MOST_TOLD = 5
_PLAIN = re.compile(r"-?[0-9]{1,6}(?:\.[0-9]{1,6})?|true|false|<[a-z0-9_ -]{1,30}>", re.IGNORECASE)
"""Figures, and what stands in the place of a value: `<string>`."""


class Fields(Struct, frozen=True):
    """Makes the values of one collection's requests."""

    variables: Variables
    options: Options
    report: Report
    sealed_values: dict[str, str] = field(default_factory=dict[str, str])
    """Secret → the value that it stands for, so that two values are never one secret."""
    sealed_names: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """What a secret was to be called, and its value → what it is called."""
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    """What secrets were to be called → the last number that one has."""

    def within(self, given: JsonValue, place: str) -> "Fields":
        """Return what makes the values in a folder that has variables of its own."""
        return replace(self, variables=self.variables.within(given, place))

    def sealed(self, name: str, value: str) -> str | None:
        """Return a text under a name as a definition may have it; none where it must be asked for.

        A credential becomes `$Secret{…}`, the word before it (`Bearer`) stays.
        """
        if NAMED.search(value) is None:
            return self._literal(name, value)
        if names_secret(name) and not own_alone(value):
            return self.variables.hidden(value)
        if names_credential(name):
            return self.secret(name, value)
        return self.variables.referring(value, lambda text: self._without_secrets(name, text))

    def _without_secrets(self, name: str, text: str) -> str:
        """Return a text beside variables, what looks like a credential in it as a secret."""
        parts = parts_of(text)
        return "".join(self.secret(name, one) if opens else escaped(one) for one, opens in parts)

    def named(self, name: str, place: str, told: str) -> str | None:
        """Return a name with its variables' values; none, which is told, where it has to be given.

        No definition can refer to anything in a name.
        """
        inside = [one.strip() for one in NAMED.findall(name)]
        if not inside:
            return name
        values = {self.variables.filled(name, env) for env in self.options.envs}
        value = values.pop()
        if value and not values and not any(map(self.variables.is_secret, inside)):
            return value
        reason = "its name has no value, a secret one, or not the same in every env"
        self.report.leave_out(place, told, reason)
        return None

    def opens(self, name: str, value: str) -> bool:
        """Tell whether a value under a name is a credential, or has one in it."""
        inside = [one.strip() for one in NAMED.findall(value)]
        if inside:
            return names_secret(name) or any(map(self.variables.is_secret, inside))
        return looks_secret(value) or _opens(name, value)

    def _literal(self, name: str, value: str) -> str:
        if not self.opens(name, value):
            return escaped(value)
        word, space, rest = value.partition(" ")
        kept = f"{word} " if space and rest and word.isalpha() else ""
        return kept + self.secret(name, rest if kept else value)

    def secret(self, name: str, value: str) -> str:
        """Return the reference to a secret named after a field, numbered after the first one."""
        first = secret_name(self.options.app, name)
        called = self.sealed_names.get((first, value)) or self._free(first, value)
        return self.report.need(called, f"the value of `{name}`")

    def _free(self, first: str, value: str) -> str:
        """Return the next name of a secret that stands for no other value."""
        number = self.numbers.get(first, 1)
        called = first if number == 1 else f"{first}_{number}"
        while self.sealed_values.setdefault(called, value) != value:
            number += 1
            called = f"{first}_{number}"
        self.numbers[first] = number
        self.sealed_names[first, value] = called
        return called

    def split(self, members: Mapping[str, Sample], place: str, part: str) -> "Split":
        """Part an object's members into those that are known and those that the caller gives.

        `part` says what a member is, `{}` standing for its name.
        """
        split = Split({}, {}, [])
        for name, value in members.items():
            if is_uuid(value):
                split.unique.append(name)
                continue
            kept = self.value(name, value, 1)
            if kept is UNKNOWN:
                if reason := self._to_give(value):
                    self.report.leave_out(place, part.format(name), reason)
                if kind := _kind(value):
                    split.rules[name] = {"type": kind}
            else:
                split.known[name] = cast("JsonValue", kept)
                if self.own_in(value, kept, place, part.format(name)):
                    split.unique.append(name)
                if rule := _rule(value):
                    split.rules[name] = rule
        return split

    def own_in(self, value: Sample, kept: "JsonValue | Unknown", place: str, part: str) -> bool:
        """Tell whether a known value has something of each run's own; test data in it is told."""
        names = [name for name in named_in(value) if name in DYNAMIC]
        if not names or isinstance(kept, Unknown):
            return False
        if reason := told(names):
            self.report.leave_out(place, part, reason)
        return is_marked(kept)

    def lacking(self, value: Sample) -> str:
        """Return what to tell of a value some of whose variables have none."""
        names = [*dict.fromkeys(name for name in named_in(value) if self.variables.lacks(name))]
        told = ", ".join(f"`{{{{{name[:60]}}}}}`" for name in names[:_MOST_TOLD])
        more = f" and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
        return f"{told or 'something in it'}{more} has no value: give it whole, or use `--var`"

    def _to_give(self, value: Sample) -> str | None:
        """Return what to tell of a value that is asked for; none where its rule says it all."""
        match value:
            case Bare():
                return "it has no value, and may be of any type: give it"
            case str() if NAMED.fullmatch(value.strip()):
                return None
            case _:
                return self.lacking(value)

    def value(self, name: str, value: Sample, depth: int) -> "JsonValue | Unknown":
        """Return a value with its credentials sealed, or that something in it is not known."""
        match value:
            case str():
                sealed = self.sealed(name, value)
                return UNKNOWN if sealed is None else sealed
            case Bare():
                inserted = self.variables.inserted(value.name)
                return UNKNOWN if inserted is None else inserted
            case dict() | list() if depth > _DEEPEST:
                return UNKNOWN
            case dict():
                members = {key: self.value(key, one, depth + 1) for key, one in value.items()}
                whole = all(one is not UNKNOWN for one in members.values())
                return cast("JsonObject", members) if whole else UNKNOWN
            case list():
                items = [self.value(name, one, depth + 1) for one in value]
                whole = all(one is not UNKNOWN for one in items)
                return cast("list[JsonValue]", items) if whole else UNKNOWN
            case _:
                return cast("JsonValue", value)


def is_uuid(value: Sample) -> bool:
    """Tell whether a value is one UUID that Postman makes up, and nothing more.

    >>> is_uuid(" {{$guid}} "), is_uuid("{{$guid}}-1"), is_uuid("{{id}}")
    (True, False, False)
    """
    found = NAMED.fullmatch(value.strip()) if isinstance(value, str) else None
    return found is not None and is_own_uuid(found[1].strip())


def own_alone(value: str) -> bool:
    """Tell whether all variables in a text are Postman's own, as `{{$guid}}`: none opens anything.

    >>> own_alone("{{$guid}}"), own_alone("{{$guid}}-{{key}}"), own_alone("key")
    (True, False, False)
    """
    inside = NAMED.findall(value)
    return bool(inside) and all(one.strip().startswith("$") for one in inside)


def _opens(name: str, value: str) -> bool:
    """Tell whether a value under a name is a credential: `max_tokens: 100` is none."""
    plain = _PLAIN.fullmatch(value) is not None
    return bool(value) and (names_credential(name) or (names_secret(name) and not plain))


class Unknown(Struct, frozen=True):
    """Stands where a variable has no value."""


UNKNOWN = Unknown()


class Split(Struct, frozen=True):
    """An object's members in two."""

    known: JsonObject
    rules: JsonObject
    unique: list[str]
    """Names of what each request has anew: a run's own values (SPEC 9)."""


def _rule(value: Sample) -> JsonObject | None:
    """Return the rule that a sample allows; a text may hold anything, a null tells nothing."""
    match value:
        case bool():
            kind = "BOOLEAN"
        case dict():
            kind = "OBJECT"
        case list():
            kind = "ARRAY"
        case _:
            return None
    return {"type": kind, "required": False}


def _kind(value: Sample) -> str | None:
    """Return the type of what is to be given; none where it may be any."""
    match value:
        case Bare():
            return None
        case dict():
            return "OBJECT"
        case list():
            return "ARRAY"
        case _:
            return "STRING"

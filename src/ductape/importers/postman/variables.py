"""Postman's `{{variables}}`: known ones become the app's variables and secrets, the rest is asked.

What has no value the caller gives; what is Postman's own has one (`dynamic`).
"""

import json
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.format.words import LONGEST_NAME
from ductape.importers.options import Options
from ductape.importers.postman.dynamic import DYNAMIC, made_up
from ductape.importers.postman.samples import json_of
from ductape.importers.postman.scopes import (
    NAMED,
    Scope,
    Written,
    environment_of,
    scope_of,
    written_in,
)
from ductape.importers.report import Report
from ductape.importers.sealing import escaped, looks_secret, names_secret
from ductape.importers.tags import Tags, secret_name

_Place = tuple[str, str]
"""A variable's name and its values, as JSON: what tells variables of one name apart."""


class _Made(Struct, frozen=True):
    """What the variables of all places of one collection have in common."""

    secret: set[str] = field(default_factory=set[str])
    """Names whose values are never written out."""
    keys: dict[_Place, str] = field(default_factory=dict[_Place, str])
    used_for: dict[_Place, str] = field(default_factory=dict[_Place, str])
    """Of the secrets."""
    tags: Tags = field(default_factory=Tags)
    declared: list[JsonObject] = field(default_factory=list[JsonObject])


class Variables:
    """The variables that count in one place of a collection, as a definition may have them."""

    def __init__(
        self, scope: Scope, options: Options, report: Report, made: _Made | None = None
    ) -> None:
        """Take what they hold."""
        self._scope = scope
        self._options = options
        self._report = report
        self._made = made or _Made()

    def within(self, given: JsonValue, place: str) -> "Variables":
        """Return the variables that count in a folder, or for a request, with some of its own."""
        own = [*written_in(given)]
        if not own:
            return self
        self.mark(own)
        scope = self._scope.within({one.name: one.value for one in own}, place)
        return Variables(scope, self._options, self._report, self._made)

    def mark(self, written: Iterable[Written]) -> None:
        """Remember which variables are said to be secret."""
        self._made.secret.update(one.name for one in written if one.secret)

    @property
    def declared(self) -> list[JsonObject]:
        """The app's variables, as far as something uses them."""
        return self._made.declared

    def filled(self, text: str, env: str, *, with_empty: bool = False) -> str | None:
        """Return a text with its variables' values in an env; none where one has no value."""
        return self._scope.filled(text, env, with_empty=with_empty)

    def expanded(self, value: JsonValue) -> JsonValue:
        """Return a value in which what holds one of Postman's own variables is written out."""
        return self._scope.expanded(value)

    def seen(self, *texts: str) -> str:
        """Return what texts are here in each env, to tell those of two folders apart."""
        return self._scope.seen(*texts)

    def lacks(self, name: str) -> bool:
        """Tell whether a variable has no value that a definition could have."""
        known = name in DYNAMIC or self.is_secret(name)
        return not known and self._scope.values(name) is None

    def referring(self, text: str, literal: Callable[[str], str] = escaped) -> str | None:
        """Return a text that refers to its variables; none where one has no value.

        `literal` writes what stands between them.
        """
        parts = NAMED.split(text)
        if any(self.lacks(name.strip()) for name in parts[1::2]):
            return None
        written = literal(parts[0])
        for name, after in zip(parts[1::2], parts[2::2], strict=True):
            reference = self._reference(name.strip())
            if reference is None:
                return None
            written += reference + literal(after)
        return written

    def hide(self, text: str) -> None:
        """Remember that the variables in a text are secrets, wherever else they stand."""
        self._made.secret.update(name.strip() for name in NAMED.findall(text))

    def hidden(self, text: str) -> str:
        """Return a text all of whose variables are secrets, since of what it is one."""
        self.hide(text)
        parts = NAMED.split(text)
        pairs = zip(parts[1::2], parts[2::2], strict=True)
        rest = (self._hidden(name.strip()) + escaped(after) for name, after in pairs)
        return escaped(parts[0]) + "".join(rest)

    def is_secret(self, name: str) -> bool:
        """Tell whether a variable's value, or one inside of it, is never written out."""
        return name not in DYNAMIC and any(
            called in self._made.secret or names_secret(called) or any(map(looks_secret, written))
            for called, written in self._scope.inside(name)
        )

    def _hidden(self, name: str) -> str:
        return DYNAMIC.get(name) or self.secret(name)

    def secret(self, name: str) -> str:
        """Return the reference to the secret that a variable becomes."""
        place = name, self._scope.seen(f"{{{{{name}}}}}")
        told = f" of {self._scope.place}" if self._scope.place else ""
        used_for = self._made.used_for.setdefault(place, f"the variable `{name}`{told}")
        return self._report.need(secret_name(self._options.app, name), used_for)

    def inserted(self, name: str) -> JsonValue:
        """Return what stands for a variable outside of quotes: its value, with its JSON type.

        None where it has none, or none that JSON can have there.
        """
        sample = made_up(name)
        if sample is not None:
            found = json_of(sample)
            return None if found is None else found.value
        values = self._scope.values(name)
        if values is None or self.is_secret(name):
            return None
        read = {env: json_of(text) for env, text in values.items()}
        written = {env: one.value for env, one in read.items() if one is not None}
        whole = len(written) == len(values) and not any(map(_holds_secret, written.values()))
        return self._declared(f"{name}-json", written) if whole else None

    def fits_json(self, name: str) -> bool:
        """Tell whether a variable outside of quotes leaves JSON what it is."""
        return self.lacks(name) or self.inserted(name) is not None

    def _reference(self, name: str) -> str | None:
        if name in DYNAMIC:
            return DYNAMIC[name]
        if self.is_secret(name):
            return self.secret(name)
        values = self._scope.values(name)
        return None if values is None else self._declared(name, values)

    def _declared(self, name: str, values: Mapping[str, JsonValue]) -> str:
        """Return the reference to an app's variable."""
        place = name, json.dumps(values)
        if place not in self._made.keys:
            self._made.keys[place] = self._made.tags.give(name[:LONGEST_NAME])
            self.declared.append(_variable(self._made.keys[place], values))
        return f"$Variable{{{self._options.app}}}{{{self._made.keys[place]}}}"


def variables_of(given: JsonValue, options: Options, report: Report) -> Variables:
    """Return the variables of a collection."""
    variables = Variables(scope_of(given, options), options, report)
    variables.mark(written_in(given))
    for env in ("", *options.envs):
        variables.mark(environment_of(env, options))
    return variables


def _variable(key: str, values: Mapping[str, JsonValue]) -> JsonObject:
    written = {env: _escaped(value) for env, value in values.items()}
    if len({*map(json.dumps, written.values())}) == 1:
        return {"key": key, "value": next(iter(written.values()))}
    envs: list[JsonValue] = [{"slug": env, "value": value} for env, value in written.items()]
    return {"key": key, "envs": envs}


def _escaped(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return escaped(value)
        case dict():
            return {name: _escaped(one) for name, one in value.items()}
        case list():
            return [_escaped(one) for one in value]
        case _:
            return value


def _holds_secret(value: JsonValue) -> bool:
    match value:
        case dict():
            return any(names_secret(name) or _holds_secret(one) for name, one in value.items())
        case list():
            return any(map(_holds_secret, value))
        case _:
            return looks_secret(value)

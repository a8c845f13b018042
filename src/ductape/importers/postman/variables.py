"""Postman's `{{variables}}`: known ones become the app's variables and secrets, the rest is asked.

A value given by option wins over the environment's, that over the collection's. What has no value,
as Postman's `{{$guid}}`, the caller gives.
"""

import json
import re
from collections.abc import Mapping

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.format.words import LONGEST_NAME
from ductape.importers.options import Options
from ductape.importers.postman.samples import json_of
from ductape.importers.report import Report
from ductape.importers.sealing import escaped, looks_secret, names_secret
from ductape.importers.tags import Tags, secret_name
from ductape.importers.values import a_list, a_text, an_object, as_written, member

NAMED = re.compile(r"\{\{([^{}]{1,200})\}\}")
_DEEPEST = 8
"""How many variables may stand inside one another."""

Given = Mapping[str, str]


class Variables:
    """The variables of one collection, in each env."""

    def __init__(self, collection: JsonObject, options: Options, report: Report) -> None:
        """Read them all."""
        self._options = options
        self._report = report
        self._secret: set[str] = set()
        self._keys: dict[tuple[str, str], str] = {}
        self._tags = Tags()
        self.declared: list[JsonObject] = []
        """The app's variables, as far as something uses them."""
        own = self._read(collection.get("variable"))
        self._known: dict[str, dict[str, str]] = {
            env: {**own, **self._of_environment(""), **self._of_environment(env)}
            | {**options.variables}
            for env in options.envs
        }

    def filled(self, text: str, env: str) -> str | None:
        """Return a text with its variables' values in an env; none where one has no value."""
        known = self._known[env]
        for _ in range(_DEEPEST):
            names = [name.strip() for name in NAMED.findall(text)]
            if not names:
                return text
            if any(not known.get(name) for name in names):
                return None
            text = NAMED.sub(lambda match: known[match[1].strip()], text)
        return None

    def referring(self, text: str) -> str | None:
        """Return a text that refers to its variables; none where one has no value."""
        parts = NAMED.split(text)
        written = escaped(parts[0])
        for name, after in zip(parts[1::2], parts[2::2], strict=True):
            reference = self._reference(name.strip())
            if reference is None:
                return None
            written += reference + escaped(after)
        return written

    def hidden(self, text: str) -> str:
        """Return a text all of whose variables are secrets, since of what it is one."""
        self._secret.update(name.strip() for name in NAMED.findall(text))
        parts = NAMED.split(text)
        pairs = zip(parts[1::2], parts[2::2], strict=True)
        rest = (self.secret(name.strip()) + escaped(after) for name, after in pairs)
        return escaped(parts[0]) + "".join(rest)

    def is_secret(self, name: str) -> bool:
        """Tell whether a variable's value is never written out."""
        values = [known.get(name, "") for known in self._known.values()]
        return name in self._secret or names_secret(name) or any(map(looks_secret, values))

    def secret(self, name: str) -> str:
        """Return the reference to the secret that a variable becomes."""
        return self._report.need(secret_name(self._options.app, name), f"the variable `{name}`")

    def inserted(self, name: str) -> str | None:
        """Return what stands for a variable outside of quotes: its value, with its JSON type.

        None where it has none, or none that JSON can have there.
        """
        values = self._values(name)
        if values is None or self.is_secret(name):
            return None
        read = {env: json_of(text) for env, text in values.items()}
        written = {env: one.value for env, one in read.items() if one is not None}
        whole = len(written) == len(values) and not any(map(_holds_secret, written.values()))
        return self._declared(f"{name}-json", written) if whole else None

    def fits_json(self, name: str) -> bool:
        """Tell whether a variable outside of quotes leaves JSON what it is."""
        unknown = self._values(name) is None and not self.is_secret(name)
        return unknown or self.inserted(name) is not None

    def _reference(self, name: str) -> str | None:
        if self.is_secret(name):
            return self.secret(name)
        values = self._values(name)
        return None if values is None else self._declared(name, values)

    def _values(self, name: str) -> dict[str, str] | None:
        """Return a variable's value in each env; none where it has none in one."""
        values = {env: self.filled(f"{{{{{name}}}}}", env) for env in self._options.envs}
        known = {env: value for env, value in values.items() if value is not None}
        return known if len(known) == len(values) else None

    def _declared(self, name: str, values: Mapping[str, JsonValue]) -> str:
        """Return the reference to an app's variable."""
        place = name, json.dumps(values)
        if place not in self._keys:
            self._keys[place] = self._tags.give(name[:LONGEST_NAME])
            self.declared.append(_variable(self._keys[place], values))
        return f"$Variable{{{self._options.app}}}{{{self._keys[place]}}}"

    def _of_environment(self, env: str) -> dict[str, str]:
        return self._read(an_object(self._options.environments.get(env)).get("values"))

    def _read(self, given: JsonValue) -> dict[str, str]:
        found: dict[str, str] = {}
        for one in a_list(given):
            name = a_text(member(one, "key")) or a_text(member(one, "id"))
            off = member(one, "disabled") is True or member(one, "enabled") is False
            if not name or off:
                continue
            if member(one, "type") == "secret":
                self._secret.add(name)
            found[name] = as_written(member(one, "value"))
        return found


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

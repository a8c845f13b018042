"""What Postman's `{{variables}}` hold in a place of a collection, in each env.

A value given by option wins over the environment's, that over those of the folders, the nearest
first, and that over the collection's.
"""

import json
import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.options import Options
from ductape.importers.postman.dynamic import DYNAMIC
from ductape.importers.values import a_list, a_text, an_object, as_written, member

NAMED = re.compile(r"\{\{([^{}]{1,200})\}\}")
_DEEPEST = 8
"""How many variables may stand inside one another."""
_LONGEST = 1_048_576
"""Characters of a value: variables inside one another grow faster than anybody means."""

Given = Mapping[str, str]


class Written(Struct, frozen=True):
    """A variable as it stands in a document."""

    name: str
    value: str
    secret: bool


class Scope(Struct, frozen=True):
    """The variables that count in one place."""

    known: Mapping[str, Given]
    """Env → name → value."""
    above: Mapping[str, Given]
    """The same, of what wins wherever the place is."""
    place: str = ""
    """The folder or request that some are of; empty for the collection."""

    def within(self, own: Given, place: str) -> "Scope":
        """Return the scope of a folder, or a request, with variables of its own."""
        known = {env: {**held, **own, **self.above[env]} for env, held in self.known.items()}
        return Scope(known, self.above, place)

    def filled(self, text: str, env: str, *, with_empty: bool = False) -> str | None:
        """Return a text with its variables' values in an env; none where one has no value.

        An empty one has none, since it waits for somebody's, unless `with_empty` says otherwise.
        """
        known = self.known[env]
        for _ in range(_DEEPEST):
            names = [name.strip() for name in NAMED.findall(text)]
            if not names:
                return text
            if any(not known.get(name) and not (with_empty and name in known) for name in names):
                return None
            text = NAMED.sub(lambda match: known[match[1].strip()], text)
            if len(text) > _LONGEST:
                return None
        return None

    def expanded(self, value: JsonValue) -> JsonValue:
        """Return a value in which what holds one of Postman's own variables is written out.

        No variable of an app could: it has one value, where Postman makes another each time.
        """
        written = (text for held in self.known.values() for text in held.values())
        fresh = any(one.strip() in DYNAMIC for text in written for one in NAMED.findall(text))
        return self._expanded(value) if fresh else value

    def _expanded(self, value: JsonValue) -> JsonValue:
        match value:
            case str() if "{{" in value:
                return self._written_out(value)
            case dict():
                return {name: self._expanded(one) for name, one in value.items()}
            case list():
                return [self._expanded(one) for one in value]
            case _:
                return value

    def _written_out(self, text: str) -> str:
        for _ in range(_DEEPEST):
            longer = NAMED.sub(lambda match: self._fresh(match[1].strip()) or match[0], text)
            if longer == text or len(longer) > _LONGEST:
                break
            text = longer
        return text

    def _fresh(self, name: str) -> str | None:
        """Return what a variable holds, if that is the same everywhere but new in each request."""
        texts = {held.get(name) for held in self.known.values()}
        moving = any(called in DYNAMIC for called, _ in self.inside(name))
        return texts.pop() if moving and len(texts) == 1 else None

    def seen(self, *texts: str) -> str:
        """Return what texts are here in each env, to tell those of two folders apart."""
        return json.dumps([self.filled(text, env) for text in texts for env in self.known])

    def values(self, name: str) -> dict[str, str] | None:
        """Return a variable's value in each env; none where it has none in one."""
        values = {env: self.filled(f"{{{{{name}}}}}", env) for env in self.known}
        found = {env: value for env, value in values.items() if value is not None}
        return found if len(found) == len(values) else None

    def inside(self, name: str) -> Iterator[tuple[str, list[str]]]:
        """Yield a variable and those in its values, each with what is written for it."""
        waiting, met = [name], {name}
        while waiting:
            called = waiting.pop()
            written = [held.get(called, "") for held in self.known.values()]
            yield called, written
            names = {one.strip() for value in written for one in NAMED.findall(value)}
            waiting += names - met
            met |= names


def scope_of(given: JsonValue, options: Options) -> Scope:
    """Return the scope of a collection with some variables."""
    above: dict[str, Given] = {}
    for env in options.envs:
        read = [*environment_of("", options), *environment_of(env, options)]
        above[env] = {one.name: one.value for one in read} | {**options.variables}
    own = {one.name: one.value for one in written_in(given)}
    return Scope({env: {**own, **held} for env, held in above.items()}, above)


def environment_of(env: str, options: Options) -> Iterator[Written]:
    """Yield the variables of an exported environment."""
    document: JsonObject = an_object(options.environments.get(env))
    yield from written_in(document.get("values"))


def written_in(given: JsonValue) -> Iterator[Written]:
    """Yield the variables of a list that are not disabled."""
    for one in a_list(given):
        name = a_text(member(one, "key")) or a_text(member(one, "id"))
        off = member(one, "disabled") is True or member(one, "enabled") is False
        if name and not off:
            secret = member(one, "type") == "secret"
            yield Written(name, as_written(member(one, "value")), secret)

"""Reading YAML as JSON in other clothes: safe, bounded, without surprises (SPEC 18).

Plain words mean what YAML 1.2's core schema says: only `true`, `false`, `null`, `~` and numbers
are special, so `no` stays a text. Tags, anchors, aliases, merge keys, keys that stand twice and
more than one document are refused: each can make a file mean what it does not look like. Only
documents of other makers (`Bounds.anchors`) may use anchors, aliases and merges, so many times as
their size allows: an alias is the same value again, never a copy.
"""

import re
from collections.abc import Callable, Iterator
from math import nan
from typing import cast

import yaml
from msgspec import Struct
from yaml.error import Mark
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    ScalarEvent,
    SequenceStartEvent,
)

from ductape.domain.found import shortened
from ductape.domain.jsonlimits import DEFAULT
from ductape.domain.jsonvalue import JsonValue
from ductape.errors import ValidationError, invalid

_NULL = re.compile(r"(?:null|Null|NULL|~|)")
_BOOLEAN = re.compile(r"(?:true|True|TRUE|false|False|FALSE)")
_INTEGER = re.compile(r"(?P<ten>[-+]?[0-9]+)|0o(?P<eight>[0-7]+)|0x(?P<sixteen>[0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LONGEST_NUMBER = 64
"""Characters: longer ones are beyond what JSON keeps."""


class Bounds(Struct, frozen=True):
    """How much a document may use."""

    nesting: int = DEFAULT.nesting
    anchors: bool = False
    """Whether values may be named and used again."""
    any_number: bool = False
    """Whether numbers that JSON has not are read all the same, as no finite ones."""
    merged: int = 1_000_000
    """How many members merges may bring in, in all."""


PLAIN = Bounds()

_Events = Iterator[Event]

_parse = cast("Callable[[str, type], _Events]", yaml.parse)


def read_yaml(text: str, bounds: Bounds = PLAIN) -> JsonValue:
    """Return a text's one document as JSON; raises `ValidationError` with line and column."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Reading(_parse(text, loader), bounds).document()
    except yaml.MarkedYAMLError as error:
        raise invalid(
            "", "YAML", f"an error: {error.problem}{_place(error.problem_mark)}"
        ) from error
    except yaml.YAMLError as error:
        raise invalid("", "YAML", "characters that YAML does not allow") from error


class _Reading:
    """One pass over a text's events."""

    __slots__ = ("_bounds", "_events", "_named", "_room")

    def __init__(self, events: _Events, bounds: Bounds) -> None:
        self._events = events
        self._bounds = bounds
        self._named: dict[str, JsonValue] = {}
        self._room = bounds.merged

    def document(self) -> JsonValue:
        value: JsonValue = None
        documents = 0
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _refused(event, "one document", "a second one")
                value = self._node(next(self._events), 1)
        return value

    def _node(self, event: Event, depth: int) -> JsonValue:
        if isinstance(event, AliasEvent):
            return self._meant(event)
        anchor = getattr(event, "anchor", None)
        if anchor is not None and not self._bounds.anchors:
            raise _refused(event, "every value written out", "an anchor or an alias")
        if getattr(event, "tag", None) is not None:
            raise _refused(event, "plain values", "a tag", hint="quote the text")
        value = self._value(event, depth)
        if anchor is not None:
            self._named[anchor] = value
        return value

    def _value(self, event: Event, depth: int) -> JsonValue:
        if isinstance(event, ScalarEvent):
            return _scalar(event, self._bounds)
        if depth > self._bounds.nesting:
            raise _refused(
                event, f"at most {self._bounds.nesting} levels of nesting", "a deeper one"
            )
        if isinstance(event, SequenceStartEvent):
            return [self._node(item, depth + 1) for item in _inside(self._events)]
        return self._mapping(depth)

    def _mapping(self, depth: int) -> JsonValue:
        members: dict[str, JsonValue] = {}
        merges: list[JsonValue] = []
        for event in _inside(self._events):
            if not isinstance(event, ScalarEvent):
                raise _refused(event, "a text as key", "something else")
            key = cast("str", event.value)
            if key == "<<" and self._bounds.anchors and event.implicit[0]:
                merges.append(self._node(next(self._events), depth + 1))
                continue
            if event.anchor is not None or event.tag is not None or key == "<<":
                raise _refused(event, "a plain key", "an anchor, a tag or a merge")
            if key in members:
                raise _refused(event, "each key once", f"{shortened(key)!r} again")
            members[key] = self._node(next(self._events), depth + 1)
        return self._merged(members, merges) if merges else members

    def _meant(self, event: AliasEvent) -> JsonValue:
        """Return the value that an alias names; inside of itself it is not there yet."""
        anchor = cast("str", event.anchor)
        if not self._bounds.anchors:
            raise _refused(event, "every value written out", "an anchor or an alias")
        if anchor not in self._named:
            raise _refused(event, "an alias of an anchor before it", f"`*{shortened(anchor)}`")
        return self._named[anchor]

    def _merged(self, members: dict[str, JsonValue], merges: list[JsonValue]) -> JsonValue:
        """Return the members with those merged in; what is written out wins, then the first."""
        flat = [one for merge in merges for one in (merge if isinstance(merge, list) else [merge])]
        for one in flat:
            if not isinstance(one, dict):
                raise invalid("", "objects to merge", "something else")
            self._room -= len(one)
            if self._room < 0:
                raise invalid("", f"at most {self._bounds.merged} merged members", "more")
            members = {**one, **members}
        return members


def _inside(events: _Events) -> _Events:
    """Yield the first event of each part of a collection, up to its end."""
    for event in events:
        if isinstance(event, CollectionEndEvent):
            return
        yield event


def _scalar(event: ScalarEvent, bounds: Bounds) -> JsonValue:
    text = cast("str", event.value)
    if not event.implicit[0]:  # It was quoted.
        return text
    if _NULL.fullmatch(text):
        return None
    if _BOOLEAN.fullmatch(text):
        return text.lower() == "true"
    return _number(event, text, bounds)


def _number(event: ScalarEvent, text: str, bounds: Bounds) -> JsonValue:
    whole, broken = _INTEGER.fullmatch(text), _FLOAT.fullmatch(text)
    if _NO_NUMBER.fullmatch(text) or ((whole or broken) and len(text) > _LONGEST_NUMBER):
        if bounds.any_number:
            return nan
        raise _refused(event, "a number that JSON has", shortened(text))
    if whole is not None:
        base = {"ten": 10, "eight": 8, "sixteen": 16}[whole.lastgroup or "ten"]
        return int(whole[whole.lastgroup or "ten"], base)
    return text if broken is None else float(text)


def _refused(
    event: Event, expected: str, found: str, *, hint: str | None = None
) -> ValidationError:
    return invalid("", expected, f"{found}{_place(event.start_mark)}", hint=hint)


def _place(mark: Mark | None) -> str:
    return "" if mark is None else f" in line {mark.line + 1}, column {mark.column + 1}"

"""What may be stored as JSON: only its own types, bounded in depth and size (SPEC 1, 19).

Everything that JSON would lose or change silently is refused, each at its path: NaN and
infinities, lone surrogates, keys that are no strings, integers beyond 64 bits, tuples, bytes,
dates. The size is that of the UTF-8 encoding without white space, in bytes. An object that
contains itself, or a small one that unfolds into a huge one (aliases of YAML), ends at a bound
before it is ever encoded.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import Enum
from math import isfinite
from typing import Any, cast

import msgspec
from msgspec import Struct

from ductape.domain.found import kind_of, path_to, shortened
from ductape.domain.jsonvalue import JsonObject
from ductape.errors import Fault, fault


class Limits(Struct, frozen=True):
    """How much of everything; each is configurable."""

    input_bytes: int = 1_048_576
    """Of an encoded input."""
    metadata_bytes: int = 2_048
    """Of encoded metadata."""
    nesting: int = 64
    """Objects and lists inside one another, the outermost included."""
    result_bytes: int = 1_048_576
    """Of an encoded result."""
    batch: int = 10_000
    """Jobs in one call."""
    references: int = 1_000
    """References and operators in an input."""
    sequence: int = 500
    """Steps of a feature."""


DEFAULT = Limits()

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**64 - 1
"""The integers that every JSON library of note keeps exactly or refuses."""

_FAULTS_SHOWN = 50
"""No reader gains by more, and a hostile input could have a million."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def plain_object(
    value: dict[str, object], path: str, *, max_bytes: int, nesting: int
) -> JsonObject | list[Fault]:
    """Return a copy of an object as plain JSON, or every reason why it is none.

    The copy shares nothing with the caller's object, which may change afterwards.
    """
    encoded = plain_text(value, path, max_bytes=max_bytes, nesting=nesting)
    return encoded if isinstance(encoded, list) else copy_of(encoded)


def plain_text(
    value: dict[str, object], path: str, *, max_bytes: int, nesting: int
) -> bytes | list[Fault]:
    """Return an object as plain JSON in UTF-8, or every reason why it is none."""
    if _room_left(value, max_bytes, nesting) < 0:
        walk = _Walk(path, room=max_bytes, nesting=nesting)
        walk.inside(value, None, 1)
        if walk.room < 0:
            return [_too_large(path, max_bytes, "more")]
        if walk.faults:
            return walk.faults
    encoded = _encode(value)
    if len(encoded) > max_bytes:
        return [_too_large(path, max_bytes, f"{len(encoded)} bytes")]
    return encoded


def copy_of(plain: bytes) -> JsonObject:
    """Read what `plain_text` wrote."""
    return cast("JsonObject", _decode(plain))


def lone_surrogate(text: str) -> bool:
    r"""Tell whether a text holds half a character, which UTF-8 cannot write.

    >>> lone_surrogate("\ud83d\ude00"), lone_surrogate("😀")
    (True, False)
    """
    return not text.isascii() and _LONE_SURROGATE.search(text) is not None


def whole_characters(text: str) -> str:
    r"""Write out what is half a character, as a file's name that is no UTF-8 has it.

    >>> whole_characters("caf\udce9")
    'caf\\udce9'
    """
    if not lone_surrogate(text):
        return text
    return text.encode(errors="backslashreplace").decode()


_Trail = tuple["_Trail | None", object]
"""A place as (the place above, key), so that a path is only written out for a fault."""


_Container = dict[Any, Any] | list[Any]
"""A stranger's: its members may be anything."""

_kind_of: Callable[[object], type[object]] = type
"""`type`, without the doubts that `Any` raises in a type checker."""


def _room_left(container: _Container, room: int, levels: int) -> int:
    """Return what `_Walk` leaves of the room; less than 0 where it would find any fault.

    Every request pays for this look, which keeps no trail and stops at the first doubt.
    """
    if levels == 0:
        return -1
    room -= len(container)
    members = container
    if type(container) is dict:
        room = _room_beside_keys(container, room)
        members = container.values()
    elif type(container) is not list:
        return -1
    for member in members:
        kind = _kind_of(member)
        if kind is str and (member.isascii() or not lone_surrogate(member)):
            room -= len(member)
        elif kind is dict or kind is list:
            room = _room_left(member, room, levels - 1)
        elif not ((kind is int and INTEGER_MIN <= member <= INTEGER_MAX) or _rarely_plain(member)):
            return -1
        if room < 0:
            return -1
    return room


def _room_beside_keys(members: dict[Any, Any], room: int) -> int:
    for key in members:
        if type(key) is not str or not (key.isascii() or not lone_surrogate(key)):
            return -1
        room -= len(key)
    return room


def _rarely_plain(member: object) -> bool:
    return member is None or type(member) is bool or (type(member) is float and isfinite(member))


class _Walk:
    """One pass over a value; it stops where the room is used up.

    `room` counts what an encoding needs at the very least: a character for each member and key,
    and those of the texts.
    """

    __slots__ = ("faults", "nesting", "path", "room")

    def __init__(self, path: str, *, room: int, nesting: int) -> None:
        self.path = path
        self.room = room
        self.nesting = nesting
        self.faults: list[Fault] = []

    def inside(self, container: _Container, trail: _Trail | None, depth: int) -> None:
        """Look at everything in an object or a list."""
        if depth > self.nesting:
            self._refuse(trail, f"at most {self.nesting} levels of nesting", "a deeper one")
            return
        self.room -= len(container)
        keyed = isinstance(container, dict)
        for key, member in container.items() if keyed else enumerate(container):
            if keyed:
                if type(key) is str and key.isascii():
                    self.room -= len(key)
                else:
                    self._rarer_key(key, (trail, key))
            kind = _kind_of(member)
            if kind is str and member.isascii():
                self.room -= len(member)
            elif kind is dict or kind is list:
                self.inside(member, (trail, key), depth + 1)
            elif not (kind is int and INTEGER_MIN <= member <= INTEGER_MAX):
                self._rarer(member, (trail, key), depth)
            if self.room < 0:
                return

    def _rarer_key(self, key: object, trail: _Trail) -> None:
        if type(key) is not str:
            self._refuse(trail, "a plain string as key", _exactly(key))
            return
        self.room -= len(key)
        if lone_surrogate(key):
            self._refuse(trail, "a key of whole characters", "a lone surrogate")

    def _rarer(self, member: object, trail: _Trail, depth: int) -> None:
        match member:
            case None | bool():
                return
            case dict() | list():
                self.inside(cast("_Container", member), trail, depth + 1)
            case _ if type(member) is str:
                self.room -= len(member)
                if lone_surrogate(member):
                    self._refuse(trail, "text of whole characters", "a lone surrogate")
            case _ if type(member) is int:
                self._refuse(trail, "an integer of at most 64 bits", "a larger one", _BIG)
            case _ if type(member) is float:
                if not isfinite(member):
                    self._refuse(trail, "a finite number", _NOT_FINITE[str(member)])
            case _:
                self._refuse(trail, "a plain JSON value", _exactly(member), _hint_for(member))

    def _refuse(
        self, trail: _Trail | None, expected: str, found: str, hint: str | None = None
    ) -> None:
        if len(self.faults) < _FAULTS_SHOWN:
            self.faults.append(fault(self._written(trail), expected, found, hint=hint))

    def _written(self, trail: _Trail | None) -> str:
        if trail is None:
            return self.path
        above, key = trail
        return path_to(self._written(above), key)


def _exactly(value: object) -> str:
    """Say what a value is, also where it only resembles a string or a number."""
    if type(value) in {str, int, float, bool, type(None)}:
        return kind_of(value)
    return f"a value of type {type(value).__name__}"


def _too_large(path: str, max_bytes: int, found: str) -> Fault:
    hint = f"keep large data elsewhere and name it in {shortened(path)}"
    return fault(path, f"at most {max_bytes} bytes of encoded JSON", found, hint=hint)


def _hint_for(value: object) -> str | None:
    match value:
        case Enum():
            return "give its `value`"
        case bytes() | bytearray():
            return "encode it as base64 text"
        case tuple() | set() | frozenset():
            return "give a list"
        case Mapping():
            return "give a dict"
        case date():
            return "give it as ISO 8601 text"
        case _:
            return None


_BIG = "give it as a string"
_NOT_FINITE = {"nan": "NaN", "inf": "infinity", "-inf": "-infinity"}

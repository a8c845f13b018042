"""Going through one object of a request, key by key, collecting what is wrong with it.

A `Reader` takes a value, its path and the faults found so far; it returns what the value means,
or adds a fault and returns a stand-in, which nobody will see: a request with faults is refused
whole. `null` and `{}` mean "not given" for every optional field (SPEC 1).
"""

from collections.abc import Callable, Mapping
from typing import TypeVar, cast, overload

from msgspec import Struct, field

from ductape.domain.found import kind_of, path_to, shortened, shown
from ductape.domain.parsing.nearest import hint_for
from ductape.errors import Fault, fault

T = TypeVar("T")

Reader = Callable[[object, str, list[Fault]], T]


class Shape(Struct, frozen=True):
    """Which keys an object may have."""

    known: frozenset[str]
    later: frozenset[str] = frozenset()
    """Keys of the public contract that this release does not have yet: refused, never ignored."""
    elsewhere: Mapping[str, str] = field(default_factory=dict[str, str])
    """Keys of other objects, each with its whole path, for the hint."""


class Form:
    """An object of the request, opened for reading."""

    __slots__ = ("_faults", "_fields", "_path")

    def __init__(self, fields: Mapping[str, object], path: str, faults: list[Fault]) -> None:
        self._fields = fields
        self._path = path
        self._faults = faults

    def need(self, key: str, read: Reader[T]) -> T:
        """Read a required field; `null` is as bad as nothing."""
        return read(self._fields.get(key), self._at(key), self._faults)

    @overload
    def take(self, key: str, read: Reader[T], default: None) -> T | None: ...

    @overload
    def take(self, key: str, read: Reader[T], default: T) -> T: ...

    def take(self, key: str, read: Reader[T], default: T | None) -> T | None:
        """Read an optional field, or return the default where it is not given."""
        value = self._fields.get(key)
        if value is None or (isinstance(value, dict) and not value):
            return default
        return read(cast("object", value), self._at(key), self._faults)

    def has(self, key: str) -> bool:
        """Tell whether an optional field is given."""
        return not absent(self._fields.get(key))

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def open_form(value: object, path: str, shape: Shape, faults: list[Fault]) -> Form | None:
    """Open an object and refuse its unknown keys; none where it is no object at all."""
    if not isinstance(value, (dict, Mapping)):
        faults.append(fault(path, "an object", kind_of(value)))
        return None
    fields = cast("Mapping[str, object]", value)
    if not shape.known.issuperset(fields):
        for key, member in fields.items():
            if key not in shape.known:
                _refuse_key(key, member, path, shape, faults)
    return Form(fields, path, faults)


def absent(value: object) -> bool:
    """Tell whether an optional field's value means "not given".

    >>> absent(None), absent({}), absent(0), absent("")
    (True, True, False, False)
    """
    return value is None or (isinstance(value, dict) and not value)


def _refuse_key(key: object, value: object, path: str, shape: Shape, faults: list[Fault]) -> None:
    where = path_to(path, key)
    if not isinstance(key, str):
        faults.append(fault(where, "a string as key", kind_of(key)))
    elif key not in shape.later:
        hint = hint_for(key, shape.known, shape.elsewhere)
        found = f"the unknown key {shortened(key)!r}"
        faults.append(fault(where, "a known key", found, hint=hint))
    elif not absent(value):
        expected = "no value (not available in this release)"
        faults.append(fault(where, expected, shown(value, where), hint="leave it out for now"))

"""Reading a product's document from a file or a mapping: YAML, TOML, JSON (SPEC 8, 18).

Whatever it is written in, it leaves as plain JSON that is bounded in size and depth. What is no
such document is a `ValidationError`; what the document says is for `parse_product` to judge.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import cast

from ductape.catalog.yaml_reading import read_yaml
from ductape.domain.files.remedies import TO_READ
from ductape.domain.found import kind_of, listed, shortened
from ductape.domain.jsonlimits import DEFAULT, plain_object
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ConfigError, NotFound, ValidationError, invalid

Source = str | Path | Mapping[str, object]
"""The path of a file, or the document itself."""

MOST_BYTES = 33_554_432
"""Of a file, and of a document as JSON."""

_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_DEEP_KEY = re.compile(rf"(?<![\w-])(?:{_PART}){{{DEFAULT.nesting}}}")
"""A dotted key of TOML, for which the library takes time by the square of its parts."""


def load_document(source: Source) -> JsonObject:
    """Read a document.

    Raises `NotFound` for a file that is not there, `ConfigError` for one that cannot be read,
    `ValidationError` for one that is no document.
    """
    value = dict(source) if isinstance(source, Mapping) else _named(source)
    if not isinstance(value, dict):
        raise invalid("", "an object at the top of the document", kind_of(value))
    members = cast("dict[str, object]", value)
    plain = plain_object(members, "", max_bytes=MOST_BYTES, nesting=DEFAULT.nesting)
    if not isinstance(plain, dict):
        raise ValidationError(plain)
    return plain


def _named(source: object) -> object:
    if not isinstance(source, str | PurePath):
        raise invalid("", "a document, or the path of a file", kind_of(source))
    return _file(Path(source))


def _file(path: Path) -> object:
    read = _READERS.get(path.suffix.lower())
    if read is None:
        found = f"{shortened(path.name)!r}"
        raise invalid("", f"a file that ends in one of {listed(sorted(_READERS))}", found)
    return read(_text(path))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}", path=str(path)) from error
    except OSError as error:
        said = f"{path} cannot be read: {error.strerror}"
        raise ConfigError(said, path=str(path), hint=TO_READ) from error
    if len(content) > MOST_BYTES:
        raise invalid("", f"a file of at most {MOST_BYTES} bytes", "a larger one")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid("", "text in UTF-8", f"another byte at {error.start}") from error


def _read_toml(text: str) -> object:
    if _DEEP_KEY.search(text):
        raise _too_deep()
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise invalid("", "TOML", str(error)) from error
    except RecursionError as error:
        raise _too_deep() from error


def read_json(text: str, *, any_number: bool = False) -> JsonValue:
    """Return a text's value, strictly; raises `ValidationError` with line and column.

    `any_number` lets words pass that many write where JSON has no number, as `NaN`.
    """
    constant = float if any_number else _no_constant
    try:
        return json.loads(text, object_pairs_hook=_members, parse_constant=constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise invalid("", "JSON", f"{error.msg} in {where}") from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:  # Python refuses to read an integer of thousands of digits.
        raise invalid("", "numbers of at most 64 bits", "a larger one") from error


def _members(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise invalid("", "each key once", f"{shortened(twice)!r} again")
    return members


def _no_constant(word: str) -> JsonValue:
    raise invalid("", "a number that JSON has", word)


def _too_deep() -> ValidationError:
    return invalid("", f"at most {DEFAULT.nesting} levels of nesting", "a deeper one")


_READERS: Mapping[str, Callable[[str], object]] = {
    ".json": read_json,
    ".toml": _read_toml,
    ".yaml": read_yaml,
    ".yml": read_yaml,
}

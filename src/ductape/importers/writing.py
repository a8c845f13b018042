"""A product as the text of a file: JSON, or YAML that reads back as it was."""

import re
from collections.abc import Callable
from typing import Protocol, cast

import msgspec
import yaml

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import invalid

SUFFIXES = (".json", ".yaml", ".yml")

_UNSAFE = re.compile(r"[-+.\d~]|(?:true|false|null)\Z|\Z", re.IGNORECASE)
"""How a text begins that a reader of YAML might take for something else."""


def written(document: JsonObject, suffix: str) -> str:
    """Return a document's text for a file of a suffix; raises `ValidationError` for another."""
    match suffix.lower():
        case ".json":
            return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
        case ".yaml" | ".yml":
            return _dump(_quoted(document), Dumper=_Dumper, **_LAYOUT)
        case _:
            raise invalid("", "a file that ends in `.json`, `.yaml` or `.yml`", repr(suffix))


class _Quoted(str):
    """A text that is written with quotes."""

    __slots__ = ()


def _quoted(value: JsonValue) -> JsonValue:
    """Mark the texts that need quotes; every value is its own, so that none gets a name."""
    match value:
        case str():
            return _Quoted(value) if _UNSAFE.match(value) else value
        case dict():
            return {_text(key): _quoted(inner) for key, inner in value.items()}
        case list():
            return [_quoted(inner) for inner in value]
        case _:
            return value


def _text(key: str) -> str:
    return _Quoted(key) if _UNSAFE.match(key) else key


class _Represents(Protocol):
    """The part of the library's dumper that is used."""

    def represent_scalar(self, tag: str, value: str, style: str) -> object:
        """Return the node of a scalar."""
        ...


def _represent(dumper: _Represents, text: _Quoted) -> object:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')


_dump = cast("Callable[..., str]", yaml.dump)
_Dumper = cast("type", type("_Dumper", (getattr(yaml, "CSafeDumper", yaml.SafeDumper),), {}))
_add_representer = cast("Callable[..., None]", yaml.add_representer)
_add_representer(_Quoted, _represent, Dumper=_Dumper)
_LAYOUT = {"sort_keys": False, "allow_unicode": True, "width": 100}

"""The input of a storage: what to do with which file, and for an upload its content (SPEC 9).

`{operation, fileName, mimeType, buffer | blob | file | url, prefix, limit, cursor, expiry,
method}`; without an operation it is an upload. `buffer` and `blob` are base64, `file` is a path on
the worker's host, `url` is fetched by the worker. `expiry` is milliseconds.
"""

from typing import Literal, cast, get_args

import msgspec
from msgspec import Struct

from ductape.domain.files.content import content_faults, mime_faults
from ductape.domain.files.names import joined, name_faults
from ductape.domain.found import kind_of, listed
from ductape.domain.http.addresses import web_address
from ductape.domain.inputs.channels import unknown_keys
from ductape.domain.inputs.pending import pending
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.nearest import hint_for
from ductape.errors import Fault, fault

Operation = Literal["upload", "download", "delete", "list", "exists", "sign"]
Method = Literal["GET", "PUT"]

OPERATIONS: tuple[Operation, ...] = get_args(Operation)
SOURCES = ("buffer", "blob", "file", "url")
MOST_LISTED = 1_000
LONGEST_EXPIRY_MS = 7 * 86_400_000
"""As S3 has it."""

_TAKES: dict[Operation, tuple[str, ...]] = {
    "upload": ("fileName", "mimeType", *SOURCES),
    "download": ("fileName",),
    "delete": ("fileName",),
    "list": ("prefix", "limit", "cursor"),
    "exists": ("fileName",),
    "sign": ("fileName", "expiry", "method"),
}
_HOW = "`base64.b64encode(content).decode()` makes it; `blob` takes bytes as they are"
_ON_HOST = "`file` names one on the worker's host"
_KNOWN = ("operation", *dict.fromkeys(name for names in _TAKES.values() for name in names))


class StorageInput(Struct, frozen=True):
    """An input that has been checked."""

    operation: Operation = "upload"
    fileName: str = ""  # noqa: N815 (the seed's name)
    mimeType: str | None = None  # noqa: N815 (the seed's name)
    buffer: str | None = None
    blob: str | None = None
    file: str | None = None
    url: str | None = None
    prefix: str = ""
    limit: int = 100
    cursor: str | None = None
    expiry: int = 900_000
    method: Method = "GET"

    def __repr__(self) -> str:
        """Keep content and URLs out of every log and traceback."""
        return f"StorageInput(operation={self.operation!r}, fileName={self.fileName!r})"


def read_storage_input(given: JsonObject) -> StorageInput:
    """Return an input in which `check_storage` found nothing wrong."""
    present = {key: value for key, value in given.items() if value is not None}
    return msgspec.convert(present, StorageInput)


def check_storage(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:
    """Tell everything that is wrong with a storage's input."""
    faults = unknown_keys(given, _KNOWN, "input")
    named = given.get("operation")
    if pending(named, resolved=resolved):
        return faults
    operation = _operation(named)
    if operation is None:
        hint = hint_for(named, OPERATIONS, {}) if isinstance(named, str) else None
        found = repr(named) if isinstance(named, str) else kind_of(named)
        faults.append(fault("input.operation", f"one of {listed(OPERATIONS)}", found, hint=hint))
        return faults
    if operation == "sign" and definition.get("type") == "local":
        hint = "a folder has no server that could check one"
        faults.append(fault("input.operation", "an operation of a folder", "sign", hint=hint))
    for key in given.keys() & set(_KNOWN) - {"operation", *_TAKES[operation]}:
        if given[key] is not None:
            faults.append(fault(f"input.{key}", f"nothing: {operation} takes none", "one"))
    settled: JsonObject = {
        key: value
        for key, value in given.items()
        if value is not None and not pending(value, resolved=resolved)
    }
    faults += _named(definition, given, settled, operation)
    return faults + _fields(given, settled, operation)


def _operation(named: JsonValue) -> Operation | None:
    """Return the operation of a name; an upload where none is given."""
    if named is None:
        return "upload"
    return next((one for one in OPERATIONS if one == named), None)


def _named(
    definition: JsonObject, given: JsonObject, settled: JsonObject, operation: Operation
) -> list[Fault]:
    key = "prefix" if operation == "list" else "fileName"
    if operation == "list" and settled.get(key, "") == "":
        return []
    if operation != "list" and given.get(key) is None:
        return [fault("input.fileName", "the name of a file", "nothing")]
    if key not in settled:
        return []
    name = settled[key]
    if operation == "list" and isinstance(name, str):
        name = name.removesuffix("/")
    if faults := name_faults(name, f"input.{key}"):
        return faults
    prefix = definition.get("prefix")
    known = prefix if isinstance(prefix, str) and "$" not in prefix else ""
    return name_faults(joined(known, cast("str", name)), f"input.{key}")


def _fields(given: JsonObject, settled: JsonObject, operation: Operation) -> list[Fault]:
    match operation:
        case "upload":
            return _content_faults(given, settled)
        case "list":
            return _number("limit", settled, MOST_LISTED) + _text("cursor", settled)
        case "sign":
            return _number("expiry", settled, LONGEST_EXPIRY_MS) + _method(settled)
        case _:
            return []


def _content_faults(given: JsonObject, settled: JsonObject) -> list[Fault]:
    faults: list[Fault] = []
    sources = [name for name in SOURCES if given.get(name) is not None]
    if len(sources) != 1:
        found = listed(sources) if sources else "none"
        faults.append(fault("input", f"one of {listed(SOURCES)}", found))
    for name in sources:
        if name not in ("buffer", "blob"):
            faults += _text(name, settled) or _no_web_address(name, settled)
        elif name in settled:
            faults += content_faults(settled[name], f"input.{name}", hint=_HOW)
    mime = settled.get("mimeType")
    return faults if mime is None else faults + mime_faults(mime, "input.mimeType")


def _text(name: str, settled: JsonObject) -> list[Fault]:
    value = settled.get(name, "")
    if isinstance(value, str) and "\0" not in value:
        return []
    return [fault(f"input.{name}", "a text", kind_of(value))]


def _no_web_address(name: str, settled: JsonObject) -> list[Fault]:
    url = settled.get(name)
    if name != "url" or not isinstance(url, str) or web_address(url) is not None:
        return []
    return [fault("input.url", "an http or https URL with a host", "another text", hint=_ON_HOST)]


def _number(name: str, settled: JsonObject, most: int) -> list[Fault]:
    value = settled.get(name, 1)
    if type(value) is int and 1 <= value <= most:
        return []
    return [fault(f"input.{name}", f"an integer from 1 to {most}", _shown(value))]


def _method(settled: JsonObject) -> list[Fault]:
    if settled.get("method", "GET") in get_args(Method):
        return []
    return [fault("input.method", "`GET` or `PUT`", _shown(settled["method"]))]


def _shown(value: JsonValue) -> str:
    return repr(value[:40]) if isinstance(value, str) else kind_of(value)

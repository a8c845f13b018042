"""The files of a body: objects with their content as base64 (SPEC 9)."""

from collections.abc import Iterator

from ductape.domain.files.content import content_faults, mime_faults
from ductape.domain.found import kind_of
from ductape.domain.http.multipart import CONTENT, base_of, is_file
from ductape.domain.inputs.channels import unknown_keys
from ductape.domain.inputs.pending import pending
from ductape.domain.inputs.schema import Rules
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.pairs import AS_USUAL, Styles
from ductape.errors import Fault, fault

_KNOWN = (*CONTENT, "fileName", "mimeType")
_OF_A_DOWNLOAD = ("url", "size", "etag")
"""What else a storage tells of a file; it is not sent."""

_LONGEST_FILE_NAME = 255
_HOW = "`base64.b64encode(content).decode()` makes it"


def multipart_faults(
    body: JsonObject, path: str, styles: Styles = AS_USUAL, *, resolved: bool
) -> list[Fault]:
    """Tell what is wrong with the files of a body."""
    return [
        one
        for name, value in body.items()
        if f"body:{name}" not in styles
        for at, each in _each(value)
        if isinstance(each, dict) and is_file(each)
        for one in file_faults(each, f"{path}.{name}{at}", resolved=resolved)
    ]


def of_no_file(rules: Rules, body: JsonObject) -> Rules:
    """Return the rules of what is no file: many documents call a file a text."""
    return {
        name: rule for name, rule in rules.items() if name not in body or not is_file(body[name])
    }


def _each(value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """Yield a value, or a list's one by one, with their places."""
    if isinstance(value, list):
        yield from ((f"[{at}]", one) for at, one in enumerate(value))
    else:
        yield "", value


def file_faults(given: JsonObject, path: str, *, resolved: bool) -> list[Fault]:
    """Tell what is wrong with one file."""
    faults = unknown_keys(given, (*_KNOWN, *_OF_A_DOWNLOAD), path)
    contents = [name for name in CONTENT if given.get(name) is not None]
    if len(contents) > 1:
        faults.append(fault(path, "one of `buffer` and `blob`", "both"))
    for name in contents:
        if not pending(given[name], resolved=resolved):
            faults += content_faults(given[name], f"{path}.{name}", hint=_HOW)
    mime, name = given.get("mimeType"), given.get("fileName")
    if mime is not None and not pending(mime, resolved=resolved):
        faults += mime_faults(mime, f"{path}.mimeType")
    if name is not None and not pending(name, resolved=resolved):
        faults += _name_faults(name, f"{path}.fileName")
    return faults


def _name_faults(name: JsonValue, path: str) -> list[Fault]:
    if not isinstance(name, str):
        return [fault(path, "the name of a file", kind_of(name))]
    if base_of(name) and len(base_of(name)) <= _LONGEST_FILE_NAME:
        return []
    expected = f"the name of a file, at most {_LONGEST_FILE_NAME} characters"
    return [fault(path, expected, f"{len(base_of(name))} characters")]

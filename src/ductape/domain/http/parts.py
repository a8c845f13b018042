"""The parts of an outgoing HTTP request, made of JSON values: path, query, headers, body, auth.

Whatever a caller gives stays a value: it cannot leave its path segment, add a header line or
replace a header that frames the message (SPEC 9 and 18). Faults name paths as `input.params.id`.
"""

import re
from base64 import b64encode
from collections.abc import Container, Mapping
from typing import Literal, assert_never
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from ductape.domain.definitions.action import ContentType
from ductape.domain.definitions.auth import Auth
from ductape.domain.files.mime import UNKNOWN
from ductape.domain.found import kind_of
from ductape.domain.http.multipart import USUAL_PARTS, Parts, encode_file, encode_multipart, is_file
from ductape.domain.http.styled import leaves, path_text
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.pairs import AS_USUAL, Pairs, Styles, as_text, encoded, query_pairs
from ductape.errors import Fault, ValidationError, fault, invalid

AS_A_FORM = "an object, to be sent as a form"
USER_NAME = "a user name without `:`, which ends it in basic auth"
WITH_COLON = "one with"
A_FILE = "a file: `{buffer, fileName, mimeType}`"

_PARAM = re.compile(r"(?<=/):([A-Za-z_][A-Za-z0-9_]*)|:\{([^{}/?#]{1,200})\}")
"""`:name` begins a segment, `:{any name}` stands anywhere."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSAFE_IN_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
MIMES: dict[ContentType, str] = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data",
    "text": "text/plain; charset=utf-8",
    "file": UNKNOWN,
}


class Credentials(Struct, frozen=True):
    """What an app's auth adds to a request."""

    headers: dict[str, str] = field(default_factory=dict[str, str])
    query: Pairs = ()
    secrets: tuple[str, ...] = ()
    """The values that no error may show."""

    def __repr__(self) -> str:
        """Keep the credentials out of every log and traceback."""
        return "Credentials(***)"


def param_names(resource: str) -> tuple[str, ...]:
    """Return the `:params` of a path, in order.

    >>> param_names("/users/:id/orders/:order_id"), param_names("https://x.example:8080/jobs:run")
    (('id', 'order_id'), ())
    >>> param_names("/compare/:{from}...:{to}.json")
    ('from', 'to')
    """
    return tuple(map(_named, _PARAM.finditer(resource.partition("?")[0])))


def fill_path(
    resource: str,
    params: Mapping[str, JsonValue],
    path: str = "input.params",
    *,
    styles: Styles = AS_USUAL,
) -> str:
    """Return the path or URL with its `:params` filled in, each within its own segment.

    >>> fill_path("/users/:id", {"id": "a/b c"})
    '/users/a%2Fb%20c'
    >>> fill_path("/users/:ids", {"ids": [1, 2]}, styles={"params:ids": "comma"})
    '/users/1,2'

    Raises `ValidationError` for a parameter that is missing, empty, climbs (`..`), or is no
    scalar and has no style.
    """
    if ":" not in resource:
        return resource
    if faults := param_faults(resource, params, path, styles=styles):
        raise ValidationError(faults)

    def filled(match: re.Match[str]) -> str:
        name = _named(match)
        return path_text(name, params[name], styles.get(f"params:{name}"))

    before, mark, query = resource.partition("?")
    return _PARAM.sub(filled, before) + mark + query


def param_faults(
    resource: str,
    params: Mapping[str, JsonValue],
    path: str = "input.params",
    *,
    styles: Styles = AS_USUAL,
) -> list[Fault]:
    """Tell what is wrong with the parameters that a resource names."""
    found = (
        _param_fault(params.get(name), f"{path}.{name}", styled=f"params:{name}" in styles)
        for name in param_names(resource)
    )
    return [one for one in found if one is not None]


def header_faults(headers: Mapping[str, JsonValue], path: str) -> list[Fault]:
    """Tell which headers may not be sent: bad names, line breaks, those that frame the message."""
    return [
        found
        for name, value in headers.items()
        if (found := _header_fault(name, value, path)) is not None
    ]


def merged_headers(*layers: Mapping[str, JsonValue], path: str = "input.headers") -> dict[str, str]:
    """Return one set of headers, later layers winning whatever the case of a name.

    Raises `ValidationError` with every header that may not be sent; null leaves a header out.
    """
    merged: dict[str, tuple[str, JsonValue]] = {}
    for layer in layers:
        for name, value in layer.items():
            merged[name.lower()] = name, value
    kept = {name: value for name, value in merged.values() if value is not None}
    if faults := header_faults(kept, path):
        raise ValidationError(faults)
    return {name: as_text(value) for name, value in kept.items()}


def encode_body(
    body: JsonValue,
    content_type: ContentType,
    styles: Styles = AS_USUAL,
    words: Parts = USUAL_PARTS,
    reserved: Container[str] = (),
) -> tuple[bytes, str]:
    """Return a body's bytes and MIME type; nothing at all for null.

    >>> encode_body({"id": 1, "tags": ["a", "b"]}, "form")
    (b'id=1&tags=a&tags=b', 'application/x-www-form-urlencoded')

    Raises `ValidationError` for a form that is no object, a file that has no content.
    """
    mime = MIMES[content_type]
    if body is None:
        return b"", mime
    match content_type:
        case "json":
            return msgspec.json.encode(body), mime
        case "text":
            return as_text(body).encode(), mime
        case "form" | "multipart":
            if not isinstance(body, dict):
                raise invalid("input.body", AS_A_FORM, kind_of(body))
            if content_type == "multipart":
                return encode_multipart(body, styles, words)
            pairs = query_pairs(body, styles, "body", reserved)
            return encoded(pairs).encode(), mime
        case "file":
            if not isinstance(body, dict) or not is_file(body):
                raise invalid("input.body", A_FILE, kind_of(body))
            return encode_file(body)
        case _:
            assert_never(content_type)


def credentials(auth: Auth | None) -> Credentials:
    """Return what an app's auth adds to each request.

    Raises `ValidationError` for a user name that basic auth cannot carry.
    """
    if auth is None:
        return Credentials()
    match auth.type:
        case "bearer" | "oauth2":
            token = auth.token or ""
            return Credentials(headers={"Authorization": f"Bearer {token}"}, secrets=(token,))
        case "basic":
            if ":" in (auth.username or ""):
                raise invalid("definition.auth.username", USER_NAME, WITH_COLON)
            pair = f"{auth.username or ''}:{auth.password or ''}"
            coded = b64encode(pair.encode()).decode()
            secrets = (auth.password or auth.username or "", coded)
            return Credentials(headers={"Authorization": f"Basic {coded}"}, secrets=secrets)
        case "api_key":
            return _api_key(auth.name or "X-API-Key", auth.value or "", auth.location)
        case _:
            assert_never(auth.type)


def _named(parameter: re.Match[str]) -> str:
    return parameter[1] or parameter[2]


def _api_key(name: str, value: str, location: Literal["header", "query"]) -> Credentials:
    match location:
        case "header":
            return Credentials(headers={name: value}, secrets=(value,))
        case "query":
            secrets = (value, quote(value, safe=""))
            return Credentials(query=((name, value),), secrets=secrets)
        case _:
            assert_never(location)


def _param_fault(value: JsonValue, path: str, *, styled: bool) -> Fault | None:
    if value is None:
        return fault(path, "a value for the path", "nothing")
    if value == "":
        return fault(path, "text for the path", "an empty string")
    if isinstance(value, (list, dict)) and not styled:
        return fault(path, "a string, a number or a boolean", kind_of(value))
    texts = leaves(value)
    if not all(texts) or not texts:
        return fault(path, "text for the path", "an empty one in it")
    if any(set(re.split(r"[/\\]", text)) & {".", ".."} for text in texts):
        return fault(path, "a value that stays in its place", "one that climbs the path")
    return None


def _header_fault(name: str, value: JsonValue, path: str) -> Fault | None:
    if not _HEADER_NAME.fullmatch(name):
        return fault(path, "header names of letters, digits and dashes", "another one")
    if name.lower() in _FRAMING:
        return fault(f"{path}.{name}", "a header that does not frame the message", name)
    if isinstance(value, (list, dict)):
        return fault(f"{path}.{name}", "a string, a number or a boolean", kind_of(value))
    if _UNSAFE_IN_HEADER.search(as_text(value)):
        return fault(f"{path}.{name}", "text on one line", "a line break or control character")
    return None

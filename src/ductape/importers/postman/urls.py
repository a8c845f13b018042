"""Postman's URLs, given as text or in parts: base, path, query (SPEC 9)."""

import re
from collections.abc import Container, Mapping
from itertools import count
from urllib.parse import unquote, unquote_plus

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.openapi.paths import plain_name, resource_of
from ductape.importers.postman.dynamic import DYNAMIC, is_given
from ductape.importers.postman.scopes import NAMED
from ductape.importers.postman.variables import Variables
from ductape.importers.values import a_list, a_text, an_object, as_written, member

_PARAMETER = re.compile(r"^:([A-Za-z_][\w-]*)", re.ASCII)
_STAND_IN = "~variable~"
"""Stands for a reference while its path is quoted."""
_MARK = re.compile(re.escape(_STAND_IN))
_LIKE_IT = re.compile("~(?=variable~)")


class Pair(Struct, frozen=True):
    """A name and its value, in a query or in a path."""

    name: str
    value: str
    """Of a query, as it is once it has arrived: a `+` that is written there is a space."""
    disabled: bool
    bare: bool = False
    """Whether a query has the name alone, without `=`."""
    parted: bool = False
    """Whether a path's value is several segments, as Postman sends it."""


User = tuple[str, str]
"""A user's name and password, as a URL has them before its host."""


class Url(Struct, frozen=True):
    """A URL in the parts that an action has."""

    base: str
    """Scheme, host and port, its variables still in it."""
    segments: tuple[str, ...]
    query: tuple[Pair, ...]
    params: tuple[Pair, ...] = ()
    """Values of the path's `:names`."""
    user: User | None = None


def url_of(given: JsonValue) -> Url:
    """Return a URL's parts.

    >>> url = url_of("{{base}}/users/:id?limit=5")
    >>> url.base, url.segments, url.query[0].name
    ('{{base}}', ('users', '{id}'), 'limit')
    """
    parts = an_object(given)
    raw = given if isinstance(given, str) else a_text(parts.get("raw"))
    bare, _, text = raw.partition("#")[0].partition("?")
    base, segments = _split(bare)
    if host := _host(parts):
        base, segments = host, _path(parts.get("path"))
    query = parts.get("query")
    pairs = _pairs(query) if isinstance(query, list) else text_pairs(text)
    params = _params(parts.get("variable"))
    known = {one.name for one in params}
    base, user = without_user(base)
    told = parts.get("auth")
    who = as_written(member(told, "user")), as_written(member(told, "password"))
    if any(who):
        user = who
    path = tuple(_named(one, known) for one in segments)
    return Url(base, path, tuple(pairs), tuple(params), user)


def without_user(base: str) -> tuple[str, User | None]:
    """Return a URL's beginning, and the user that it names.

    >>> without_user("https://me:p%40w@a.example")
    ('https://a.example', ('me', 'p@w'))
    """
    scheme, mark, rest = base.rpartition("://")
    who, is_, host = rest.rpartition("@")
    name, _, password = who.partition(":")
    user = (unquote(name), unquote(password)) if is_ else None
    return f"{scheme}{mark}{host}", user


class Path(Struct, frozen=True):
    """A path as an action's resource."""

    resource: str
    params: JsonObject
    """Parameter → what it is: secret variables, since errors name paths, and Postman's own."""
    dynamic: Mapping[str, str] = {}
    """Parameter → the variable of Postman's own that it is."""


def path_of(url: Url, variables: Variables) -> Path:
    """Return the resource of a URL; what has no value in it becomes a parameter."""
    references: list[str] = []
    params: JsonObject = {}
    dynamic: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        name = match[1].strip()
        if variables.is_secret(name):
            params[plain_name(name)] = variables.secret(name)
            return f"{{{name}}}"
        if is_given(name):
            called = _numbered(plain_name(name), dynamic)
            dynamic[called], params[called] = name, DYNAMIC[name]
            return f"{{{called}}}"
        reference = variables.referring(match[0])
        if reference is None:
            return f"{{{name}}}"
        references.append(reference)
        return _STAND_IN

    segments = [NAMED.sub(stand_in, _LIKE_IT.sub("%7E", one)) for one in url.segments]
    resource = resource_of("/" + "/".join(segments), {}).path
    given = iter(references)  # One for each mark, in the order of the path.
    return Path(_MARK.sub(lambda _: next(given), resource), params, dynamic)


def _numbered(name: str, taken: Container[str]) -> str:
    """Return a name, with a number where it is taken."""
    numbers = (name if at == 1 else f"{name}{at}" for at in count(1))
    return next(one for one in numbers if one not in taken)


def _named(segment: str, known: Container[str]) -> str:
    """Return a segment with its `:name` as `{name}`: the whole of it where it has a value so.

    >>> _named(":id.json", ()), _named(":id.json", ["id.json"])
    ('{id}.json', '{id.json}')
    """
    if segment.startswith(":") and segment[1:] in known:
        return f"{{{segment[1:]}}}"
    return _PARAMETER.sub(r"{\1}", segment)


def _params(given: JsonValue) -> list[Pair]:
    names = [a_text(member(one, "key")) or a_text(member(one, "id")) for one in a_list(given)]
    return [
        Pair(
            name,
            unquote(as_written(member(one, "value"))),
            disabled=member(one, "disabled") is True,
            parted="/" in as_written(member(one, "value")),
        )
        for name, one in zip(names, a_list(given), strict=True)
        if name
    ]


def _host(parts: dict[str, JsonValue]) -> str:
    host = parts.get("host")
    name = host if isinstance(host, str) else ".".join(as_written(one) for one in a_list(host))
    if not name:
        return ""
    protocol, port = a_text(parts.get("protocol")), as_written(parts.get("port"))
    scheme = f"{protocol}://" if protocol else ""
    return f"{scheme}{name}{f':{port}' if port else ''}"


def _path(path: JsonValue) -> list[str]:
    if isinstance(path, str):
        return path.removeprefix("/").split("/") if path else []
    return [
        one if isinstance(one, str) else a_text(member(one, "value")) or as_written(one)
        for one in a_list(path)
    ]


def _split(url: str) -> tuple[str, list[str]]:
    scheme, mark, rest = url.partition("://")
    if not mark or "/" in scheme:
        scheme, mark, rest = "", "", url
    host, slash, path = rest.partition("/")
    segments = path.split("/") if slash else []
    return f"{scheme}{mark}{host}", segments


def _pairs(query: list[JsonValue]) -> list[Pair]:
    return [
        Pair(
            unquote_plus(a_text(member(one, "key"))),
            unquote_plus(as_written(member(one, "value"))),
            disabled=member(one, "disabled") is True,
            bare=member(one, "value") is None,
        )
        for one in query
        if a_text(member(one, "key"))
    ]


def text_pairs(text: str) -> list[Pair]:
    """Return the pairs of a query that is written as text."""
    pairs = [one.partition("=") for one in text.split("&") if one]
    return [
        Pair(unquote_plus(name), unquote_plus(value), disabled=False, bare=not is_)
        for name, is_, value in pairs
        if name
    ]

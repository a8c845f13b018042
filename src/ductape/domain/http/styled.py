"""Values of a path, a header or a cookie as one text, each written as its style says (SPEC 9).

The styles are those that OpenAPI has. A name without one takes no list and no object. A cookie is
given among the headers, by its own name: the style is what makes it one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import assert_never
from urllib.parse import quote

import msgspec

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.pairs import Style, Styles, as_text
from ductape.errors import Fault, fault

Write = Callable[[str], str]
"""Makes a name or a scalar fit for its place."""

_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z\[\]:-]+")
_IN_COOKIES = "!#$%&'()*+-./:<=>?@[]^_`{|}~"
"""What a cookie's value has as it is; what was encoded already is not encoded again."""


def path_text(name: str, value: JsonValue, style: Style | None) -> str:
    """Return a parameter as it stands in its segment, what is in it percent-encoded.

    >>> path_text("id", [1, "a/b"], "comma"), path_text("id", [1, 2], "matrix")
    ('1,a%2Fb', ';id=1;id=2')
    """
    return _joined(name, value, style, lambda text: quote(text, safe=""))


def leaves(value: JsonValue) -> list[str]:
    """Return the texts that a value is written with, names among them; none are left out.

    >>> leaves(["a", None, 2]), leaves({"k": "v"}), leaves("x")
    (['a', '2'], ['k', 'v'], ['x'])
    """
    match value:
        case list():
            return [as_text(one) for one in value if one is not None]
        case dict():
            return [text for key, one in _given(value) for text in (key, as_text(one))]
        case _:
            return [as_text(value)]


def styled_headers(headers: JsonObject, styles: Styles) -> JsonObject:
    """Return the headers with those as texts that have a style; cookies are none of them."""
    if not styles:
        return headers
    by_name: Styles = {
        name.lower(): style for name, style in _of_headers(styles) if style not in _COOKIES
    }
    return {
        name: _plain(name, value, by_name.get(name.lower()))
        for name, value in headers.items()
        if styles.get(f"headers:{name}") not in _COOKIES
    }


def cookies_of(headers: JsonObject, styles: Styles) -> str:
    """Return the cookies among the headers as one line; empty where there are none."""
    return "; ".join(
        _cookie(name, headers[name], style)
        for name, style in _of_headers(styles)
        if style in _COOKIES and headers.get(name) is not None
    )


def with_cookies(headers: dict[str, str], cookies: str) -> dict[str, str]:
    """Return headers with more cookies: those of an auth or the caller's own line stay.

    >>> with_cookies({"cookie": "a=1"}, "b=2"), with_cookies({"X": "1"}, "")
    ({'cookie': 'a=1; b=2'}, {'X': '1'})
    """
    if not cookies:
        return headers
    name = next((one for one in headers if one.lower() == "cookie"), "Cookie")
    whole = f"{headers[name]}; {cookies}" if headers.get(name) else cookies
    return {**headers, name: whole}


def style_faults(headers: JsonObject, styles: Styles, path: str) -> list[Fault]:
    """Tell which cookies have a name that would end them."""
    return [
        fault(f"{path}.{name}", "a cookie's name", "another one")
        for name, style in _of_headers(styles)
        if style in _COOKIES and name in headers and not is_cookie(name)
    ]


def is_cookie(name: str) -> bool:
    """Tell whether a cookie can have a name.

    >>> is_cookie("sid"), is_cookie("user[id]"), is_cookie("a;b")
    (True, True, False)
    """
    return _COOKIE_NAME.fullmatch(name) is not None


_COOKIES: frozenset[Style | None] = frozenset({"cookie", "cookies"})


def _of_headers(styles: Styles) -> Iterator[tuple[str, Style]]:
    for name, style in styles.items():
        part, _, called = name.partition(":")
        if part == "headers":
            yield called, style


def _plain(name: str, value: JsonValue, style: Style | None) -> JsonValue:
    return value if value is None or style is None else _joined(name, value, style, str)


def _cookie(name: str, value: JsonValue, style: Style) -> str:
    def written(text: str) -> str:
        return quote(text, safe=_IN_COOKIES)

    if style == "cookies" and isinstance(value, (list, dict)):
        return _joined(name, value, "matrix", written).removeprefix(";").replace(";", "; ")
    return f"{name}={_joined(name, value, 'comma', written)}"


def _joined(name: str, value: JsonValue, style: Style | None, write: Write) -> str:
    match style:
        case "json":
            return write(msgspec.json.encode(value).decode())
        case "equals":
            return ",".join(_equal("", value, write))
        case "dots":
            return ".".join(_equal("", value, write))
        case "matrix":
            return "".join(f";{one}" for one in _equal(f"{write(name)}=", value, write))
        case "comma" | "cookie" | "cookies":
            return ",".join(map(write, leaves(value)))
        case None | "brackets" | "pipe" | "space" | "spread":
            return write(as_text(value))
        case _:
            assert_never(style)


def _equal(prefix: str, value: JsonValue, write: Write) -> Iterator[str]:
    """Yield an object's members as `name=value`, anything else behind a prefix."""
    if isinstance(value, dict):
        yield from (f"{write(key)}={write(as_text(one))}" for key, one in _given(value))
    else:
        yield from (prefix + write(one) for one in leaves(value))


def _given(value: Mapping[str, JsonValue]) -> Iterator[tuple[str, JsonValue]]:
    return ((key, one) for key, one in value.items() if one is not None)

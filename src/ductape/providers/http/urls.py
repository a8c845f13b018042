"""Reading the URLs that definitions and redirects name: which scheme, host and port, no more."""

import re
from functools import lru_cache
from typing import Literal, cast
from urllib.parse import SplitResult, quote, urlsplit

from msgspec import Struct
from yarl import URL

from ductape.domain.pairs import Pairs, encoded
from ductape.errors import ProviderError

_PORTS = {"http": 80, "https": 443}
_SENT_AS_THEY_ARE = "%/:@!$&'()*+,;=?-._~"
_IN_VALUES = "/:@!$'()*,?"
"""What a query's value has as it is: a text that is a list already has its own commas."""
_NO_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


class Origin(Struct, frozen=True):
    """Scheme, host and port: what decides whether credentials may follow a redirect."""

    scheme: Literal["http", "https"]
    host: str
    port: int

    def __str__(self) -> str:
        """Name the origin as errors do: never with a path or a query."""
        return f"{self.scheme}://{self.host}:{self.port}"


@lru_cache(maxsize=1_024)
def origin_of(url: str) -> Origin:
    """Return the origin of a URL.

    >>> origin_of("https://API.example/v1?token=secret")
    Origin(scheme='https', host='api.example', port=443)

    Raises `ProviderError` with `VALIDATION_ERROR` for another scheme, no host, a bad port, or
    credentials in the URL.
    """
    parts = _split(url)
    if parts.scheme not in _PORTS:
        raise _refused(f"a URL's scheme must be http or https, not {parts.scheme[:20]!r}")
    if parts.username is not None or parts.password is not None:
        raise _refused("a URL must not hold credentials", hint="use the app's auth instead")
    if not parts.hostname:
        raise _refused("a URL must name a host")
    port = _port(parts)
    scheme = cast("Literal['http', 'https']", parts.scheme)
    return Origin(scheme, parts.hostname.rstrip("."), _PORTS[scheme] if port is None else port)


def with_query(url: str, query: Pairs) -> str:
    """Return the URL with more query pairs, its fragment dropped.

    >>> with_query("https://a.example/x?y=1#top", (("z", "a b&c"),))
    'https://a.example/x?y=1&z=a+b%26c'
    """
    bare = url.partition("#")[0]
    if not query:
        return bare
    joint = "&" if "?" in bare else "?"
    return f"{bare}{joint}{encoded(query, _IN_VALUES)}"


def as_sent(url: str) -> URL:
    """Return a URL as it goes out: what is percent-encoded stays so, what must be is encoded.

    Left to itself the client decodes what need not be encoded, and a comma of a value becomes one
    between values.

    >>> str(as_sent("https://a.example/ä b/x%2Cy,z?q=1%2C2&r=%zz"))
    'https://a.example/%C3%A4%20b/x%2Cy,z?q=1%2C2&r=%25zz'

    Raises `ProviderError` with `VALIDATION_ERROR` for a host that can have no address.
    """
    parts = _split(url)
    try:
        origin = URL(f"{parts.scheme}://{parts.netloc}").origin()
    except ValueError as error:
        raise _refused("the URL's host cannot be read") from error
    path, query = _encoded(parts.path or "/"), _encoded(parts.query)
    return URL(f"{origin}{path}{'?' if query else ''}{query}", encoded=True)


def _encoded(text: str) -> str:
    return _NO_ESCAPE.sub("%25", quote(text, safe=_SENT_AS_THEY_ARE))


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise _refused("the URL cannot be read") from error


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise _refused("the URL's port is no number up to 65535") from error


def _refused(message: str, *, hint: str | None = None) -> ProviderError:
    return ProviderError("VALIDATION_ERROR", message, hint=hint)

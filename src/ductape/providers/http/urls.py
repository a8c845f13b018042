"""Reading the URLs that definitions and redirects name: which scheme, host and port, no more."""

from functools import lru_cache
from typing import Literal, cast
from urllib.parse import SplitResult, urlencode, urlsplit

from msgspec import Struct

from ductape.errors import ProviderError

_PORTS = {"http": 80, "https": 443}


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


def with_query(url: str, query: tuple[tuple[str, str], ...]) -> str:
    """Return the URL with more query pairs, its fragment dropped.

    >>> with_query("https://a.example/x?y=1#top", (("z", "a b&c"),))
    'https://a.example/x?y=1&z=a+b%26c'
    """
    bare = url.partition("#")[0]
    if not query:
        return bare
    joint = "&" if "?" in bare else "?"
    return f"{bare}{joint}{urlencode(query)}"


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

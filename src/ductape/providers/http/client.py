"""The guarded HTTP client: pooled, bounded in size and time, blind to the environment (SPEC 18).

Definitions that ask for private addresses and those that do not never share a connection. Spans
are milliseconds.
"""

import ssl
from asyncio import timeout
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import urljoin

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    TCPConnector,
)

from ductape.domain.egress import Destination, EgressPolicy
from ductape.errors import ProviderError
from ductape.ports.http import Headers, HttpRequest, HttpResponse, HttpStream
from ductape.providers.http.guard import Guard, unreachable
from ductape.providers.http.unpacking import ACCEPTED, codings_of, unpacked
from ductape.providers.http.urls import Origin, as_sent, origin_of, with_query

MOST_REDIRECTS = 5

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNCHANGED = frozenset({307, 308})
"""What asks for the same method and body again."""
_FOLLOWED = frozenset({"GET", "HEAD"})
_SAFE_ELSEWHERE = frozenset({"accept", "accept-encoding", "accept-language", "user-agent"})
"""Headers that another origin may see; any other could be a credential."""

_NOT_OURS = ("Content-Type",)
"""What is not added where it was not given: nothing has no type."""
_LARGE = 65_536
_USER_AGENT = "ductape-jobs"
_MOST_CONNECTIONS = 100


@dataclass(slots=True)
class _At:
    """Where a request has come to, as errors name it."""

    origin: Origin


class AiohttpClient:
    """`ports.http.HttpClient` over aiohttp; made at once, connected when first used."""

    def __init__(self, policy: EgressPolicy, *, tls: ssl.SSLContext | None = None) -> None:
        """Take the operator's policy, and the certificates to trust if not the system's."""
        self._guard = Guard(policy)
        self._tls = tls
        self._sessions: dict[bool, ClientSession] = {}

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole answer, following at most five redirects.

        Those of GET and HEAD; where the request says so, those of others that leave it as it is,
        within its origin: what was meant for one is sent to no other.

        Raises `ProviderError` as the port says; errors name the origin, never path, query,
        headers or body.
        """
        async with self._following(request) as (response, at):
            body = await _whole(response, request.max_response_bytes, at.origin)
            return HttpResponse(response.status, _headers(response), body)

    @asynccontextmanager
    async def stream(self, request: HttpRequest) -> AsyncGenerator[HttpStream]:
        """Send and leave the body to the caller, as `ports.http.HttpStreams` says."""
        async with self._following(request) as (response, at):
            chunks = _chunks(response, request.max_response_bytes, at.origin)
            yield HttpStream(response.status, _headers(response), chunks)

    async def aclose(self) -> None:
        """Close every connection; a second call is harmless."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    @asynccontextmanager
    async def _following(self, request: HttpRequest) -> AsyncGenerator[tuple[ClientResponse, _At]]:
        """Send, follow redirects, and lend the last answer; every call passes here."""
        at = _At(origin_of(request.url))
        patience = timeout(request.timeout_ms / 1_000)
        try:
            async with patience, await self._last(request, at) as response:
                yield response, at
        except TimeoutError as error:
            if not patience.expired():
                raise
            raise ProviderError(
                "TIMEOUT", f"{at.origin} gave no answer within {request.timeout_ms} ms"
            ) from error
        except ClientError as error:
            raise _told(error, at.origin, request) from error

    async def _last(self, request: HttpRequest, at: _At) -> ClientResponse:
        """Return the answer that leads nowhere else, its body unread."""
        session = self._session(asks_private=request.allow_private)
        url = with_query(request.url, request.query)
        headers = _asked(request.headers)
        for _ in range(MOST_REDIRECTS + 1):
            self._guard.heading_for(_destination(at.origin, request))
            response = await session.request(
                request.method,
                as_sent(url),
                headers=headers,
                data=_sent(request.body),
                skip_auto_headers=_NOT_OURS,
                allow_redirects=False,
            )
            location = _location(request, response)
            if location is None:
                return response
            there = _joined(url, location)
            elsewhere = origin_of(there)
            if elsewhere != at.origin and request.method not in _FOLLOWED:
                return response
            response.release()
            url = there
            if elsewhere != at.origin:
                headers = {k: v for k, v in headers.items() if k.lower() in _SAFE_ELSEWHERE}
            at.origin = elsewhere
        raise ProviderError(
            "PROVIDER_ERROR", f"{at.origin} redirects more than {MOST_REDIRECTS} times"
        )

    def _session(self, *, asks_private: bool) -> ClientSession:
        session = self._sessions.get(asks_private)
        if session is None:
            connector = TCPConnector(
                socket_factory=self._guard.socket_for,
                ssl=self._tls or True,
                limit=_MOST_CONNECTIONS,
            )
            session = ClientSession(
                connector=connector,
                cookie_jar=DummyCookieJar(),
                timeout=ClientTimeout(total=None),
                trust_env=False,
                auto_decompress=False,
            )
            self._sessions[asks_private] = session
        return session


def _asked(given: Headers) -> Headers:
    """Return the headers of a request; the caller's own are the last word."""
    named = {name.lower() for name in given}
    ours = {"User-Agent": _USER_AGENT, "Accept-Encoding": ACCEPTED}
    return {name: value for name, value in ours.items() if name.lower() not in named} | dict(given)


def _destination(origin: Origin, request: HttpRequest) -> Destination:
    return Destination(origin.host, origin.port, request.allow_private)


def _told(error: ClientError, origin: Origin, request: HttpRequest) -> ProviderError:
    """Tell what a request to an origin came to."""
    match error:
        case ClientConnectorError():
            return unreachable(_destination(origin, request), error.os_error)
        case InvalidURL():
            return ProviderError("VALIDATION_ERROR", f"{origin}: the URL cannot be used")
        case ClientResponseError():
            return ProviderError("CONNECTION_ERROR", f"{origin} answered with what is no HTTP")
        case _:
            reason = type(error).__name__
            return ProviderError("CONNECTION_ERROR", f"{origin} broke off: {reason}")


def _location(request: HttpRequest, response: ClientResponse) -> str | None:
    """Return where an answer leads, if it is to be followed."""
    followed = _REDIRECTS if request.method in _FOLLOWED else _UNCHANGED
    resends = request.resends or request.method in _FOLLOWED
    if response.status not in followed or not resends:
        return None
    return response.headers.get("location") or None


def _joined(url: str, location: str) -> str:
    try:
        return with_query(urljoin(url, location), ())
    except ValueError as error:
        message = "a redirect leads to a URL that cannot be read"
        raise ProviderError("PROVIDER_ERROR", message) from error


def _sent(body: bytes) -> bytes | BytesIO | None:
    """Return a body as it is sent: a large one piece by piece, so that others have their turn."""
    return BytesIO(body) if len(body) > _LARGE else body or None


def _headers(response: ClientResponse) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in response.headers.items():
        lower = name.lower()
        joined[lower] = f"{joined[lower]}, {value}" if lower in joined else value
    return joined


async def _whole(response: ClientResponse, most: int, origin: Origin) -> bytes:
    """Read the whole body; most are one piece, which has come with the headers."""
    if not _codings(response):
        first = await response.content.readany()
        if response.content.at_eof() and len(first) <= most:
            return first
    else:
        first = b""
    rest = [piece async for piece in _chunks(response, most, origin, read=len(first))]
    return b"".join([first, *rest])


async def _chunks(
    response: ClientResponse, most: int, origin: Origin, *, read: int = 0
) -> AsyncIterator[bytes]:
    """Give the body unpacked, in pieces, as long as there is no more of it than may be."""
    if read > most:
        raise _too_long(origin, most)
    packed = response.content.iter_any()
    async for chunk in unpacked(packed, _codings(response), str(origin)):
        read += len(chunk)
        if read > most:
            raise _too_long(origin, most)
        yield chunk


def _codings(response: ClientResponse) -> list[str]:
    return codings_of(", ".join(response.headers.getall("content-encoding", [])))


def _too_long(origin: Origin, most: int) -> ProviderError:
    return ProviderError(
        "PROVIDER_ERROR",
        f"{origin} answered more than {most} bytes",
        hint="ask for less, or raise the action's max_response_bytes",
    )

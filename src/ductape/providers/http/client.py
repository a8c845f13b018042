"""The guarded HTTP client: pooled, bounded in size and time, blind to the environment (SPEC 18).

Definitions that ask for private addresses and those that do not never share a connection. Spans
are milliseconds.
"""

import ssl
from asyncio import timeout
from urllib.parse import urljoin

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    TCPConnector,
)

from ductape.domain.egress import Destination, EgressPolicy
from ductape.errors import ProviderError
from ductape.ports.http import HttpRequest, HttpResponse
from ductape.providers.http.guard import Guard, unreachable
from ductape.providers.http.urls import Origin, origin_of, with_query

MOST_REDIRECTS = 5

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOLLOWED = frozenset({"GET", "HEAD"})
_SAFE_ELSEWHERE = frozenset({"accept", "accept-language", "user-agent"})
"""Headers that another origin may see; any other could be a credential."""

_USER_AGENT = "ductape-jobs"
_MOST_CONNECTIONS = 100


class AiohttpClient:
    """`ports.http.HttpClient` over aiohttp; made at once, connected when first used."""

    def __init__(self, policy: EgressPolicy, *, tls: ssl.SSLContext | None = None) -> None:
        """Take the operator's policy, and the certificates to trust if not the system's."""
        self._guard = Guard(policy)
        self._tls = tls
        self._sessions: dict[bool, ClientSession] = {}

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole answer, following at most five redirects of GET and HEAD.

        Raises `ProviderError` as the port says; errors name the origin, never path, query,
        headers or body.
        """
        origin = origin_of(request.url)
        try:
            async with timeout(request.timeout_ms / 1_000):
                return await self._follow(request, origin)
        except TimeoutError as error:
            raise ProviderError(
                "TIMEOUT", f"{origin} gave no answer within {request.timeout_ms} ms"
            ) from error

    async def aclose(self) -> None:
        """Close every connection; a second call is harmless."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _follow(self, request: HttpRequest, origin: Origin) -> HttpResponse:
        url = with_query(request.url, request.query)
        headers = {"User-Agent": _USER_AGENT, **request.headers}
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._once(request, url, headers, origin)
            target = _redirected(request.method, url, response)
            if target is None:
                return response
            elsewhere = origin_of(target)
            if elsewhere != origin:
                headers = {k: v for k, v in headers.items() if k.lower() in _SAFE_ELSEWHERE}
            url, origin = target, elsewhere
        raise ProviderError(
            "PROVIDER_ERROR", f"{origin} redirects more than {MOST_REDIRECTS} times"
        )

    async def _once(
        self, request: HttpRequest, url: str, headers: dict[str, str], origin: Origin
    ) -> HttpResponse:
        destination = Destination(origin.host, origin.port, request.allow_private)
        self._guard.heading_for(destination)
        session = self._session(asks_private=request.allow_private)
        try:
            async with session.request(
                request.method,
                url,
                headers=headers,
                data=request.body or None,
                allow_redirects=False,
            ) as response:
                body = await _bounded_body(response, request.max_response_bytes, origin)
                return HttpResponse(response.status, _headers(response), body)
        except ClientConnectorError as error:
            raise unreachable(destination, error.os_error) from error
        except InvalidURL as error:
            raise ProviderError("VALIDATION_ERROR", f"{origin}: the URL cannot be used") from error
        except ClientError as error:
            reason = type(error).__name__
            raise ProviderError("CONNECTION_ERROR", f"{origin} broke off: {reason}") from error

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
            )
            self._sessions[asks_private] = session
        return session


def _redirected(method: str, url: str, response: HttpResponse) -> str | None:
    location = response.headers.get("location")
    if method not in _FOLLOWED or response.status not in _REDIRECTS or not location:
        return None
    return with_query(urljoin(url, location), ())


def _headers(response: ClientResponse) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in response.headers.items():
        lower = name.lower()
        joined[lower] = f"{joined[lower]}, {value}" if lower in joined else value
    return joined


async def _bounded_body(response: ClientResponse, most: int, origin: Origin) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            raise ProviderError(
                "PROVIDER_ERROR",
                f"{origin} answered more than {most} bytes",
                hint="ask for less, or raise the action's max_response_bytes",
            )
    return bytes(body)

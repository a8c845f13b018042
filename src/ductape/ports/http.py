"""One outgoing HTTP request, guarded and bounded; the only door to other people's servers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct, field

from ductape.domain.pairs import Pairs


class HttpRequest(Struct, frozen=True):
    """What to send."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    query: Pairs = ()
    body: bytes = b""
    timeout_ms: int = 60_000
    allow_private: bool = False
    """The definition asks to reach private addresses; the operator's settings decide."""
    max_response_bytes: int = 1_048_576
    """A longer answer is refused, counted after decompression."""
    resends: bool = False
    """Whether 307 and 308 are followed for methods other than GET and HEAD, within the origin."""

    def __repr__(self) -> str:
        """Keep query, headers and body out of every log and traceback."""
        return f"HttpRequest(method={self.method!r}, url={self.url.partition('?')[0]!r})"


class HttpResponse(Struct, frozen=True):
    """What came back, whatever its status; bounded in size."""

    status: int
    headers: dict[str, str]
    """Names in lower case; repeated ones joined by a comma."""
    body: bytes


class HttpClient(Protocol):
    """A pooled client that refuses addresses the operator does not allow."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole answer.

        Raises `ProviderError` with `TIMEOUT`, `CONNECTION_ERROR`, `FORBIDDEN` (address refused)
        or `PROVIDER_ERROR` (answer too large). Does not raise for a status: that is what
        `domain.answer.refuse_status` is for.
        """
        ...


class HttpStream(Struct, frozen=True):
    """An answer whose body comes in pieces."""

    status: int
    headers: dict[str, str]
    """Names in lower case; repeated ones joined by a comma."""
    chunks: AsyncIterator[bytes]
    """To be read while the stream is open; raises `ProviderError` where it breaks off."""


class HttpStreams(Protocol):
    """A client for answers that are too long to hold."""

    def stream(self, request: HttpRequest) -> AbstractAsyncContextManager[HttpStream]:
        """Send and leave the body to the caller; otherwise as `HttpClient.send`.

        `max_response_bytes` bounds the body, `timeout_ms` the whole of it.
        """
        ...


Headers = Mapping[str, str]

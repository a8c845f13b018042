"""Real HTTP servers on loopback: a receiver that records, and one that speaks Expo's push API."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web
from aiohttp.test_utils import unused_port

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    """As sent, percent-encoding untouched, query included."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


@dataclass
class Receiver:
    """A server that records every request and answers as it is told."""

    url: str = ""
    requests: list[Received] = field(default_factory=list[Received])
    answers: list[web.Response | Answer] = field(default_factory=list[web.Response | Answer])
    """Used up one by one; then `{"ok": true}`."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Record the request and give the next answer."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        self.requests.append(Received(request.method, request.raw_path, headers, body))
        answer = self.answers.pop(0) if self.answers else web.json_response({"ok": True})
        return answer if isinstance(answer, web.Response) else await answer(request)

    def only(self) -> Received:
        """Return the one request that arrived."""
        (request,) = self.requests
        return request


@dataclass
class Expo(Receiver):
    """A receiver that answers with push tickets, numbered from 1."""

    tickets: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    """Used up one by one; then `ok`."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Record the request and answer as Expo's push API does."""
        if not self.answers:
            ok = {"status": "ok", "id": f"ticket-{len(self.requests) + 1}"}
            ticket = self.tickets.pop(0) if self.tickets else ok
            self.answers.append(web.json_response({"data": ticket}))
        return await super().handle(request)


R = TypeVar("R", bound=Receiver)


@asynccontextmanager
async def http_receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Run a recording server on a free port."""
    async with serving(Receiver(), tls) as receiver:
        yield receiver


@asynccontextmanager
async def expo_receiver() -> AsyncIterator[Expo]:
    """Run an Expo-compatible push service on a free port."""
    async with serving(Expo()) as expo:
        yield expo


@asynccontextmanager
async def serving(receiver: R, tls: ssl.SSLContext | None = None) -> AsyncIterator[R]:
    """Run a receiver on a free port."""
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_route("*", "/{rest:.*}", receiver.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = unused_port()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    receiver.url = f"{'https' if tls else 'http'}://localhost:{port}"
    try:
        yield receiver
    finally:
        await runner.cleanup()

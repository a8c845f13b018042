"""The demo's receivers: a partner's HTTP API, an Expo-compatible push service, an SMTP server.

Real servers on free ports of 127.0.0.1 (issue 3). Each keeps what it received as JSON objects, so
that what arrived can be compared with what should have, whatever the channel.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Literal, cast

import msgspec
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from ductape.domain.jsonvalue import JsonObject, JsonValue

ReceiverName = Literal["partner", "push", "mail"]

RATES_TAKE_S = 0.3
"""The partner thinks about its rates long enough for an equal question to have to wait."""

RATES: JsonObject = {"country": "NL", "cents": 495}
TRACKING: JsonObject = {"status": "on its way"}
LISTEN_ON = "127.0.0.1"


@dataclass
class Receiver:
    """One server: where it listens and what it received, oldest first."""

    port: int = 0
    got: list[JsonObject] = field(default_factory=list[JsonObject])


@dataclass(frozen=True)
class Receivers:
    """All three."""

    partner: Receiver = field(default_factory=Receiver)
    push: Receiver = field(default_factory=Receiver)
    mail: Receiver = field(default_factory=Receiver)

    def got(self) -> dict[ReceiverName, list[JsonObject]]:
        """Return what each received."""
        return {"partner": self.partner.got, "push": self.push.got, "mail": self.mail.got}


@asynccontextmanager
async def open_receivers(*, partner_token: str, push_token: str) -> AsyncGenerator[Receivers, None]:
    """Run the three servers; the HTTP ones let nobody in without their token."""
    receivers = Receivers()
    async with AsyncExitStack() as open_servers:
        partner = _partner(receivers.partner, partner_token)
        push = _push(receivers.push, push_token)
        receivers.partner.port = await open_servers.enter_async_context(_http(partner))
        receivers.push.port = await open_servers.enter_async_context(_http(push))
        receivers.mail.port = await open_servers.enter_async_context(_smtp(receivers.mail))
        yield receivers


def _partner(receiver: Receiver, token: str) -> web.Application:
    """Make the API that takes orders, tells where they are, and is no good at refunds."""

    async def take(request: web.Request) -> web.Response:
        body: JsonValue = (
            msgspec.json.decode(await request.read()) if request.can_read_body else None
        )
        status, answer = await _answer_of_partner(request, token)
        receiver.got.append(
            {"method": request.method, "path": request.path_qs, "body": body, "status": status}
        )
        return web.json_response(answer, status=status)

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", take)
    return application


async def _answer_of_partner(request: web.Request, token: str) -> tuple[int, JsonObject]:
    if not _let_in(request, token):
        return 401, {"error": "who are you?"}
    match request.method, request.path.strip("/").split("/"):
        case "POST", ["customers", customer, "orders"]:
            return 201, {"order": "12345", "customer": customer}
        case "GET", ["orders", order, "tracking"]:
            return 200, {"order": order, **TRACKING}
        case "GET", ["rates"]:
            await asyncio.sleep(RATES_TAKE_S)
            return 200, RATES
        case "POST", ["refunds"]:
            return 503, {"error": "no refunds today"}
        case _:
            return 404, {"error": "no such thing"}


def _push(receiver: Receiver, token: str) -> web.Application:
    """Make a push service that answers as Expo's does, with a ticket."""

    async def take(request: web.Request) -> web.Response:
        if not _let_in(request, token):
            refusal = {"code": "UNAUTHORIZED", "message": "who are you?"}
            return web.json_response({"errors": [refusal]}, status=401)
        receiver.got.append(cast("JsonObject", msgspec.json.decode(await request.read())))
        return web.json_response({"data": {"status": "ok", "id": f"ticket-{len(receiver.got)}"}})

    application = web.Application()
    application.router.add_post("/push/send", take)
    return application


def _let_in(request: web.Request, token: str) -> bool:
    return request.headers.get("Authorization") == f"Bearer {token}"


@asynccontextmanager
async def _http(application: web.Application) -> AsyncGenerator[int, None]:
    """Serve an application and yield its port."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, LISTEN_ON, 0).start()
        yield cast("tuple[str, int]", runner.addresses[0])[1]
    finally:
        await runner.cleanup()


@dataclass(frozen=True)
class _Mailbox:
    receiver: Receiver

    async def handle_DATA(  # noqa: N802 (aiosmtpd calls it so)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep one e-mail."""
        del server, session
        content = cast("bytes", envelope.original_content)
        message = message_from_bytes(content, policy=default)
        self.receiver.got.append(
            {
                "from": str(message["From"]),
                "to": list[JsonValue](envelope.rcpt_tos),
                "subject": str(message["Subject"]),
                "text": _part(message, "plain"),
                "html": _part(message, "html"),
            }
        )
        return "250 Message accepted for delivery"


def _part(message: EmailMessage, kind: Literal["plain", "html"]) -> str | None:
    body = message.get_body((kind,))
    if body is None:
        return None
    content = cast("str", cast("EmailMessage", body).get_content())
    return content.replace("\r\n", "\n").strip()


@asynccontextmanager
async def _smtp(receiver: Receiver) -> AsyncGenerator[int, None]:
    """Serve SMTP and yield the port."""
    connections: list[SMTP] = []

    def connection() -> SMTP:
        connections.append(SMTP(_Mailbox(receiver), hostname="localhost", enable_SMTPUTF8=True))
        return connections[-1]

    server = await asyncio.get_running_loop().create_server(connection, LISTEN_ON, 0)
    try:
        yield cast("tuple[str, int]", server.sockets[0].getsockname())[1]
    finally:
        server.close()
        await server.wait_closed()
        for one in connections:
            if one.transport is not None:
                cast("asyncio.Transport", one.transport).abort()
        # A hang-up is noticed two turns of the loop later.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

"""The SMS services on loopback: each takes what its maker publishes, and nothing else."""

import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs

from aiohttp import web

from tests.servers.http import Receiver, serving

ACCOUNT, SECRET = "AC0123", "auth-s3cret"
ServiceName = Literal["twilio", "plivo", "vonage"]

_PHONE = re.compile(r"\+?[1-9][0-9]{6,14}")


@dataclass
class Sms(Receiver):
    """One service; ids are numbered from 1."""

    kind: ServiceName = "twilio"
    texts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Number and text of every message that was taken."""
    barred: set[str] = field(default_factory=set[str])
    """Numbers that are refused."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Record the request and answer as the service does, unless told otherwise."""
        if not self.answers:
            body = await request.read()
            answer = {"twilio": self._twilio, "plivo": self._plivo, "vonage": self._vonage}
            self.answers.append(answer[self.kind](request, body))
        return await super().handle(request)

    def _twilio(self, request: web.Request, body: bytes) -> web.Response:
        if _basic(request) != (ACCOUNT, SECRET):
            return twilio_error(401, 20003)
        form = {name: one[0] for name, one in parse_qs(body.decode()).items()}
        right = (
            request.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
            and request.content_type == "application/x-www-form-urlencoded"
            and form.keys() in ({"To", "From", "Body"}, {"To", "MessagingServiceSid", "Body"})
        )
        if not right:
            return twilio_error(404, 20404)
        if form["To"] in self.barred:
            return twilio_error(400, 21211)
        return self._took(form["To"], form["Body"], 201, {"sid": "SM{}", "status": "queued"})

    def _plivo(self, request: web.Request, body: bytes) -> web.Response:
        if _basic(request) != (ACCOUNT, SECRET):
            return web.Response(status=401, text="could not verify your access level")
        given = json.loads(body)
        if request.path != f"/v1/Account/{ACCOUNT}/Message/" or given.keys() != {
            "src",
            "dst",
            "text",
        }:
            return web.json_response({"api_id": "a", "error": "not found"}, status=404)
        if given["dst"] in self.barred:
            return web.json_response({"api_id": "a", "error": "bad dst"}, status=400)
        answer = {"api_id": "a", "message": "message(s) queued", "message_uuid": ["uuid-{}"]}
        return self._took(given["dst"], given["text"], 202, answer)

    def _vonage(self, request: web.Request, body: bytes) -> web.Response:
        given = json.loads(body)
        fields = {"api_key", "api_secret", "from", "to", "text", "type", "client-ref"}
        if request.path != "/sms/json" or not given.keys() <= fields or given["to"][0] == "+":
            return vonage_status("2")
        if (given["api_key"], given["api_secret"]) != (ACCOUNT, SECRET):
            return vonage_status("4")
        if f"+{given['to']}" in self.barred:
            return vonage_status("6")
        part = {"to": given["to"], "message-id": "vonage-{}", "status": "0"}
        answer = {"message-count": "1", "messages": [part]}
        return self._took(given["to"], given["text"], 200, answer)

    def _took(self, to: str, text: str, status: int, answer: dict[str, object]) -> web.Response:
        assert _PHONE.fullmatch(to), to
        self.texts.append((to, text))
        body = json.dumps(answer).replace("{}", str(len(self.texts)))
        return web.Response(status=status, text=body, content_type="application/json")


def twilio_error(status: int, code: int, **headers: str) -> web.Response:
    """Make an error as Twilio's REST API has them."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    body = {"code": code, "message": "no", "more_info": "https://x.example", "status": status}
    return web.json_response(body, status=status, headers=named)


def vonage_status(status: str) -> web.Response:
    """Make Vonage's answer for a message of two parts, the second of which failed."""
    parts = [{"status": "0", "message-id": "m"}, {"status": status, "error-text": "no"}]
    return web.json_response({"message-count": "2", "messages": parts})


def _basic(request: web.Request) -> tuple[str, str]:
    coded = request.headers.get("Authorization", "").removeprefix("Basic ")
    name, _, secret = b64decode(coded).decode().partition(":")
    return name, secret


@asynccontextmanager
async def sms_service(kind: ServiceName) -> AsyncIterator[Sms]:
    """Run one service on a free port."""
    async with serving(Sms(kind=kind)) as running:
        yield running

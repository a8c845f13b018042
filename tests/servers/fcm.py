"""A push service on loopback that takes what FCM's reference for HTTP v1 describes, no more."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.servers.http import Receiver, serving
from tests.servers.tokens import TokenUrl

_PATH = re.compile(r"/v1/projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/messages:send")
_MESSAGE = {"token", "notification", "data"}
_NOTIFICATION = {"title", "body", "image"}


@dataclass
class Fcm(Receiver):
    """Answers with message names, numbered from 1."""

    tokens: TokenUrl = field(default_factory=TokenUrl)
    """Whose tokens are good here."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Record the request and answer as FCM does, unless told otherwise."""
        if not self.answers:
            self.answers.append(self._answer(request, await request.read()))
        return await super().handle(request)

    def _answer(self, request: web.Request, body: bytes) -> web.Response:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer not in self.tokens.good:
            return fcm_error(401, "UNAUTHENTICATED")
        if request.method != "POST" or not _PATH.fullmatch(request.path):
            return fcm_error(404, "NOT_FOUND")
        if not _as_published(json.loads(body)):
            return fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
        return web.json_response({"name": f"projects/p/messages/{len(self.requests) + 1}"})


def fcm_error(status: int, name: str, code: str | None = None, **headers: str) -> web.Response:
    """Make an error as Google's APIs have them, with FCM's own code where it has one."""
    kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    details = [{"@type": kind, "errorCode": code}] if code else []
    error = {"code": status, "message": f"no: {name}", "status": name, "details": details}
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return web.json_response({"error": error}, status=status, headers=named)


def _as_published(body: object) -> bool:
    match body:
        case {"message": {"token": str(), **rest}} if len(body) == 1:
            notification, data = rest.get("notification", {}), rest.get("data", {})
            return (
                {"token", *rest} <= _MESSAGE
                and notification.keys() <= _NOTIFICATION
                and all(isinstance(text, str) for text in [*notification.values(), *data.values()])
            )
        case _:
            return False


@asynccontextmanager
async def fcm_service(tokens: TokenUrl) -> AsyncIterator[Fcm]:
    """Run a push service on a free port."""
    async with serving(Fcm(tokens=tokens)) as running:
        yield running

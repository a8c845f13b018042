"""Cloud functions on loopback: AWS Lambda that checks signatures, Google's that checks tokens."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from unittest.mock import patch
from urllib.parse import parse_qsl

import botocore.auth
from aiohttp import web
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.servers.http import Receiver, serving
from tests.servers.tokens import TokenUrl

AWS_ID, AWS_SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION = "eu-west-1"
_SIGNED = re.compile(r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})")


@dataclass
class Lambda(Receiver):
    """Answers `{"ok": true}` to whoever signs, by AWS's own SDK as a judge."""

    session_token: str | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Record the request and answer as Lambda does, unless told otherwise."""
        if not self.answers and not self._signed(request, await request.read()):
            error = {
                "Type": "User",
                "message": "the signature does not match",
            }
            self.answers.append(web.json_response(error, status=403))
        return await super().handle(request)

    def _signed(self, request: web.Request, body: bytes) -> bool:
        shown = _SIGNED.search(request.headers.get("Authorization", ""))
        if shown is None or request.headers.get("X-Amz-Security-Token") != self.session_token:
            return False
        at = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        ours = {"host", "x-amz-date", "x-amz-security-token"}
        signed = {name: request.headers[name] for name in shown[1].split(";") if name not in ours}
        # A path counts as it was sent; a query is taken apart and encoded as AWS encodes.
        path, _, query = request.raw_path.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        url = f"http://{request.headers['Host']}{path}"
        made = AWSRequest(request.method, url, headers=signed, data=body, params=pairs)
        held = Credentials(AWS_ID, AWS_SECRET, self.session_token)
        signer = cast("Any", botocore.auth.SigV4Auth)(held, "lambda", REGION)
        with patch.object(botocore.auth, "get_current_datetime", lambda: at):
            signer.add_auth(made)
        return str(made.headers["Authorization"]).endswith(shown[2])


@dataclass
class Google(Receiver):
    """Answers `{"ok": true}` to whoever has a good identity token."""

    tokens: TokenUrl = field(default_factory=TokenUrl)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Record the request and answer as Cloud Run does, unless told otherwise."""
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not self.answers and bearer not in self.tokens.good:
            self.answers.append(web.Response(status=401, text="Unauthorized"))
        return await super().handle(request)


@asynccontextmanager
async def lambda_service() -> AsyncIterator[Lambda]:
    """Run Lambda's two doors, the Invoke API and function URLs, on a free port."""
    async with serving(Lambda()) as running:
        yield running


@asynccontextmanager
async def google_function(tokens: TokenUrl) -> AsyncIterator[Google]:
    """Run a cloud function on a free port."""
    async with serving(Google(tokens=tokens)) as running:
        yield running

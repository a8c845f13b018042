"""Delivers what a webhook tells: one signed POST an attempt (SPEC 9; Standard Webhooks 1.0).

Deliveries are of the kind `action`; every other action is handed on. A receiver says that it has
the message by a status of 200 to 299 and nothing else: redirects are not followed, since whoever
could redirect could read. 410 is its last word; every other status fails the attempt with its code.
"""

import msgspec

from ductape.domain.definitions.webhook import WebhookTarget
from ductape.domain.http.answer import Answer, refuse_status
from ductape.domain.http.parts import merged_headers
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.webhooks.events import is_delivery
from ductape.domain.webhooks.signing import signed_headers
from ductape.errors import ProviderError
from ductape.ports.clock import Clock
from ductape.ports.handler import Abort, Handler, Invocation
from ductape.ports.http import HttpClient, HttpRequest, HttpResponse

GONE = 410

_TAKEN = range(200, 300)
_REDIRECTS = range(300, 400)
_ASKED = "the webhook's receiver"
"""No error shows a URL: its path may be a secret of the receiver's own."""


class DeliveryHandler:
    """`ports.handler.Handler` for the kind `action`, in front of the one for apps."""

    def __init__(self, http: HttpClient, clock: Clock, otherwise: Handler) -> None:
        """Take the guarded client, the clock, and what handles the actions of apps."""
        self._http = http
        self._clock = clock
        self._otherwise = otherwise

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Send what is told and return `{status, webhook_id}`.

        Raises `ProviderError` for what is worth another attempt, `Abort` for what is not.
        """
        target = invocation.target
        if not is_delivery(target.kind, target.event):
            return await self._otherwise(invocation)
        webhook = msgspec.convert(target.definition, WebhookTarget)
        request = _request(webhook, invocation, self._clock.now_ms())
        response = await self._http.send(request)
        _refuse(response, webhook, self._clock.now_ms())
        return {"status": response.status, "webhook_id": invocation.context.job_id}


def _request(webhook: WebhookTarget, invocation: Invocation, now_ms: int) -> HttpRequest:
    body = msgspec.json.encode(invocation.input.get("body"))
    message_id = invocation.context.job_id
    signed = signed_headers(webhook.secrets, message_id=message_id, at_s=now_ms // 1_000, body=body)
    ours = {"Content-Type": "application/json"}
    return HttpRequest(
        method="POST",
        url=webhook.url,
        headers=merged_headers(ours, webhook.headers, signed),
        body=body,
        timeout_ms=max(invocation.context.deadline_ms - now_ms, 1),
        allow_private=webhook.allow_private,
    )


def _refuse(response: HttpResponse, webhook: WebhookTarget, now_ms: int) -> None:
    """Raise unless the receiver has taken the message."""
    if response.status in _TAKEN:
        return
    if response.status == GONE:
        raise Abort(f"{_ASKED} answered 410: it wants no more")
    if response.status in _REDIRECTS:
        raise ProviderError(
            "PROVIDER_ERROR",
            f"{_ASKED} answered {response.status}: a redirect is not followed",
            hint="give the webhook the URL that it leads to",
        )
    answer = Answer(response.status, response.headers, response.body)
    refuse_status(answer, asked=_ASKED, now_ms=now_ms, secrets=tuple(webhook.secrets))
    raise ProviderError("PROVIDER_ERROR", f"{_ASKED} answered {response.status}")

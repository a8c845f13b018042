"""Sending on one channel: Expo push, SMTP e-mail, HTTP callback (SPEC 9).

Each returns the provider's own id for what it took, if it has one, and raises `ProviderError`.
"""

from email.utils import parseaddr
from hashlib import sha256
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from ductape.domain.answer import Answer, quoted, refuse_status
from ductape.domain.definitions.notification import CallbackProvider, EmailProvider, PushProvider
from ductape.domain.inputs.parts import RequestParts
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.web import credentials, encode_body, fill_path, merged_headers, query_pairs
from ductape.errors import ProviderError
from ductape.handlers.notification.compose import EmailContent, PushContent
from ductape.ports.clock import Clock
from ductape.ports.handler import Context
from ductape.ports.http import HttpClient, HttpRequest, HttpResponse
from ductape.ports.mail import Mailer, MailMessage, MailServer

IDEMPOTENCY_HEADER = "Idempotency-Key"

_EXPO_CODES = {
    "DeviceNotRegistered": "NOT_FOUND",
    "InvalidCredentials": "UNAUTHORIZED",
    "MessageRateExceeded": "RATE_LIMITED",
    "MessageTooBig": "VALIDATION_ERROR",
    "MismatchSenderId": "FORBIDDEN",
    "PUSH_TOO_MANY_EXPERIENCE_IDS": "VALIDATION_ERROR",
    "PUSH_TOO_MANY_NOTIFICATIONS": "VALIDATION_ERROR",
    "TOO_MANY_REQUESTS": "RATE_LIMITED",
    "VALIDATION_ERROR": "VALIDATION_ERROR",
}


class Sending(Struct, frozen=True):
    """What all channels send with."""

    http: HttpClient
    mailer: Mailer
    clock: Clock
    context: Context
    allow_private: bool

    def left_ms(self) -> int:
        """Return how much of the attempt is left, at least 1 ms."""
        return max(self.context.deadline_ms - self.clock.now_ms(), 1)


class _TicketDetails(Struct, frozen=True):
    error: str = ""


class _Ticket(Struct, frozen=True):
    """What Expo says to one notification."""

    status: str
    id: str | None = None
    message: str = ""
    details: _TicketDetails = _TicketDetails()


class _ExpoError(Struct, frozen=True):
    code: str = ""
    message: str = ""


class _ExpoAnswer(Struct, frozen=True):
    data: _Ticket | list[_Ticket] | None = None
    errors: list[_ExpoError] = field(default_factory=list[_ExpoError])


async def send_push(sending: Sending, provider: PushProvider, content: PushContent) -> str | None:
    """Hand one notification to Expo's push service and return its ticket's id.

    A device that is not registered any more fails with `NOT_FOUND`, which is not tried again.
    """
    token = provider.access_token
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        IDEMPOTENCY_HEADER: sending.context.idempotency_key,
    }
    request = HttpRequest(
        method="POST",
        url=provider.url,
        headers=headers | ({"Authorization": f"Bearer {token}"} if token else {}),
        body=msgspec.json.encode(content),
        timeout_ms=sending.left_ms(),
        allow_private=sending.allow_private,
    )
    secrets = tuple(one for one in (token, content.to) if one)
    response = await _answered(sending, request, secrets)
    return _ticket_id(response, secrets)


async def send_email(
    sending: Sending, provider: EmailProvider, content: EmailContent
) -> str | None:
    """Hand one e-mail to the SMTP server and return its message id.

    The id is the same for every attempt of a run, so that a repeat can be recognised.
    """
    sender = provider.sender or f"no-reply@{provider.host}"
    server = MailServer(
        host=provider.host,
        port=provider.port,
        security=provider.security,
        username=provider.username,
        password=provider.password,
        allow_private=sending.allow_private,
        timeout_ms=sending.left_ms(),
    )
    message = MailMessage(
        sender=sender,
        to=content.to,
        subject=content.subject,
        text=content.text,
        html=content.html,
        message_id=_message_id(sending.context.idempotency_key, sender),
    )
    return await sending.mailer.send(server, message)


async def send_callback(
    sending: Sending, provider: CallbackProvider, content: RequestParts
) -> str | None:
    """Call the provider's URL and return the answer's `X-Request-Id`."""
    auth = credentials(provider.auth)
    has_body = provider.method != "GET"
    body, mime = encode_body(content.body if has_body else None, "json")
    ours = {IDEMPOTENCY_HEADER: sending.context.idempotency_key}
    if body:
        ours["Content-Type"] = mime
    path = "input.callback"
    request = HttpRequest(
        method=provider.method,
        url=fill_path(provider.url, content.params, f"{path}.params"),
        headers=merged_headers(
            ours, provider.headers, auth.headers, content.headers, path=f"{path}.headers"
        ),
        query=query_pairs(content.query) + auth.query,
        body=body,
        timeout_ms=sending.left_ms(),
        allow_private=sending.allow_private,
    )
    response = await _answered(sending, request, auth.secrets)
    return response.headers.get("x-request-id")


async def _answered(
    sending: Sending, request: HttpRequest, secrets: tuple[str, ...]
) -> HttpResponse:
    response = await sending.http.send(request)
    # The host alone: such URLs often are a secret in themselves.
    refuse_status(
        Answer(response.status, response.headers, response.body),
        asked=f"{request.method} {urlsplit(request.url).hostname}",
        now_ms=sending.clock.now_ms(),
        secrets=secrets,
    )
    return response


def _ticket_id(response: HttpResponse, secrets: tuple[str, ...]) -> str | None:
    try:
        answer = msgspec.json.decode(response.body, type=_ExpoAnswer)
    except msgspec.DecodeError as error:
        raise ProviderError(
            "PROVIDER_ERROR",
            "the push service's answer cannot be read",
            details={"status": response.status, "body": quoted(response.body, secrets)},
        ) from error
    if answer.errors:
        raise _push_refused(answer.errors[0].code, answer.errors[0].message, secrets)
    tickets = answer.data if isinstance(answer.data, list) else [answer.data]
    ticket = tickets[0] if tickets else None
    if ticket is None:
        raise _push_refused("", "the push service gave no ticket", secrets)
    if ticket.status != "ok":
        raise _push_refused(ticket.details.error, ticket.message, secrets)
    return ticket.id


def _push_refused(name: str, message: str, secrets: tuple[str, ...]) -> ProviderError:
    code = _EXPO_CODES.get(name, "PROVIDER_ERROR")
    said = quoted(message.encode(), secrets) or "no reason given"
    return ProviderError(code, f"push refused: {said}", details={"error": name} if name else None)


def _message_id(idempotency_key: str, sender: str) -> str:
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    digest = sha256(idempotency_key.encode()).hexdigest()[:32]
    return f"<{digest}@{domain}>"


def sent(provider_id: str | None) -> JsonValue:
    """Return a channel's result."""
    return {"status": "sent", "provider_id": provider_id}

"""Push by Expo: one notification, one ticket (SPEC 9)."""

import msgspec
from msgspec import Struct, field

from ductape.domain.definitions.notification import PushProvider
from ductape.domain.http.answer import quoted
from ductape.domain.jsonvalue import UNREADABLE
from ductape.errors import ProviderError
from ductape.handlers.notification.compose import PushContent
from ductape.handlers.notification.sending import IDEMPOTENCY_HEADER, Sending
from ductape.ports.http import HttpRequest, HttpResponse

URL = "https://exp.host/--/api/v2/push/send"

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


async def send_by_expo(
    sending: Sending, provider: PushProvider, content: PushContent
) -> str | None:
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
        url=provider.url or URL,
        headers=headers | ({"Authorization": f"Bearer {token}"} if token else {}),
        body=msgspec.json.encode(content),
        timeout_ms=sending.left_ms(),
        allow_private=sending.allow_private,
    )
    secrets = tuple(one for one in (token, content.to) if one)
    response = await sending.http.send(request)
    sending.refuse(request, response, secrets)
    return _ticket_id(response, secrets)


def _ticket_id(response: HttpResponse, secrets: tuple[str, ...]) -> str | None:
    try:
        answer = msgspec.json.decode(response.body, type=_ExpoAnswer)
    except UNREADABLE as error:
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

"""Push by Firebase Cloud Messaging, HTTP v1 (SPEC 9).

The shapes and error codes are those of Google's reference for `projects.messages.send` and
`FcmError`. Data is text for text: a value that is none is sent as JSON.
"""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from ductape.domain.definitions.notification import PushProvider
from ductape.domain.http.answer import Answer, code_for_status, quoted, retry_after_ms
from ductape.domain.http.parts import as_text
from ductape.domain.http.tokens import AccountGrant
from ductape.domain.jsonvalue import UNREADABLE
from ductape.errors import ProviderError
from ductape.handlers.notification.compose import PushContent
from ductape.handlers.notification.sending import (
    IDEMPOTENCY_HEADER,
    Sending,
    address,
    asked_of,
)
from ductape.ports.http import HttpRequest, HttpResponse
from ductape.ports.tokens import TokenWish, with_token

URL = "https://fcm.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"

QUOTA_WAIT_MS = 60_000
"""What Google asks for where an answer about a quota has no `Retry-After`."""

_CODES = {
    "INTERNAL": "SERVICE_UNAVAILABLE",
    "INVALID_ARGUMENT": "VALIDATION_ERROR",
    "QUOTA_EXCEEDED": "RATE_LIMITED",
    "SENDER_ID_MISMATCH": "FORBIDDEN",
    "THIRD_PARTY_AUTH_ERROR": "UNAUTHORIZED",
    "UNAVAILABLE": "SERVICE_UNAVAILABLE",
    "UNREGISTERED": "NOT_FOUND",
}
"""By FCM's own error code."""

_STATUSES = {
    "DEADLINE_EXCEEDED": "TIMEOUT",
    "INTERNAL": "SERVICE_UNAVAILABLE",
    "INVALID_ARGUMENT": "VALIDATION_ERROR",
    "NOT_FOUND": "NOT_FOUND",
    "PERMISSION_DENIED": "FORBIDDEN",
    "RESOURCE_EXHAUSTED": "RATE_LIMITED",
    "UNAUTHENTICATED": "UNAUTHORIZED",
    "UNAVAILABLE": "SERVICE_UNAVAILABLE",
}
"""By the status that all of Google's APIs have, where FCM's own code is not there."""

_UNAUTHENTICATED = 401
_APNS = "THIRD_PARTY_AUTH_ERROR"
"""Apple's credentials are wrong, not our token: a new one would not help."""


class _Detail(Struct, frozen=True, rename={"error_code": "errorCode"}):
    error_code: str = ""


class _Error(Struct, frozen=True):
    message: str = ""
    status: str = ""
    details: list[_Detail] = field(default_factory=list[_Detail])

    @property
    def name(self) -> str:
        """FCM's own code, else the status."""
        return next((one.error_code for one in self.details if one.error_code), self.status)


class _Answered(Struct, frozen=True):
    name: str | None = None
    error: _Error | None = None


async def send_by_fcm(sending: Sending, provider: PushProvider, content: PushContent) -> str | None:
    """Hand one notification to FCM and return its message's name.

    A device that is not registered any more fails with `NOT_FOUND`, which is not tried again.
    """
    invocation = sending.invocation

    async def send(token: str) -> tuple[HttpRequest, HttpResponse]:
        request = _request(sending, provider, content, token)
        return request, await sending.http.send(request)

    request, response = await with_token(
        sending.tokens,
        TokenWish(
            product=invocation.product,
            env=invocation.env,
            holder="FCM",
            grant=AccountGrant(provider.service_account, scope=SCOPE),
            allow_private=sending.allow_private,
        ),
        send,
        refused=lambda sent: _wants_another_token(sent[1]),
        hide=invocation.engine.hide,
    )
    token = request.headers["Authorization"].removeprefix("Bearer ")
    return _read(sending, request, response, (token, content.to))


def _request(
    sending: Sending, provider: PushProvider, content: PushContent, token: str
) -> HttpRequest:
    path = f"/v1/projects/{quote(provider.project_id, safe='')}/messages:send"
    message: dict[str, object] = {"token": content.to}
    texts = {"title": content.title, "body": content.body}
    shown = {name: text for name, text in texts.items() if text is not None}
    if shown:
        message["notification"] = shown
    if content.data:
        message["data"] = {name: as_text(value) for name, value in content.data.items()}
    return HttpRequest(
        method="POST",
        url=address(provider.url or URL, path),
        headers={
            "Accept": "application/json",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            IDEMPOTENCY_HEADER: sending.context.idempotency_key,
        },
        body=msgspec.json.encode({"message": message}),
        timeout_ms=sending.left_ms(),
        allow_private=sending.allow_private,
    )


def _wants_another_token(response: HttpResponse) -> bool:
    if response.status != _UNAUTHENTICATED:
        return False
    error = _decoded(response).error
    return error is None or error.name != _APNS


def _read(
    sending: Sending, request: HttpRequest, response: HttpResponse, secrets: tuple[str, ...]
) -> str:
    answered = _decoded(response)
    if answered.error is not None:
        raise _refused(answered.error, response, sending.clock.now_ms(), secrets)
    sending.refuse_all_but_success(request, response, secrets)
    if answered.name is None:
        raise ProviderError(
            "PROVIDER_ERROR",
            f"{asked_of(request)} gave an answer that names no message",
            details={"status": response.status, "body": quoted(response.body, secrets)},
        )
    return answered.name


def _decoded(response: HttpResponse) -> _Answered:
    try:
        return msgspec.json.decode(response.body, type=_Answered)
    except UNREADABLE:
        return _Answered()


def _refused(
    error: _Error, response: HttpResponse, now_ms: int, secrets: tuple[str, ...]
) -> ProviderError:
    answer = Answer(response.status, response.headers, response.body)
    code = _CODES.get(error.name) or _STATUSES.get(error.status)
    code = code or code_for_status(response.status) or "PROVIDER_ERROR"
    wait_ms = retry_after_ms(answer.headers, now_ms)
    said = quoted(error.message.encode(), secrets) or "no reason given"
    return ProviderError(
        code,
        f"push refused: {said}",
        retry_after_ms=_waits(code, response.headers, wait_ms),
        details={"status": response.status, "error": error.name},
    )


def _waits(code: str, headers: Mapping[str, str], wait_ms: int | None) -> int | None:
    limited = code == "RATE_LIMITED" and "retry-after" not in headers
    return QUOTA_WAIT_MS if limited else wait_ms

"""What goes wrong with SQS, told by the codes of SPEC 12."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from ductape.domain.http.answer import (
    code_for_status,
    quoted,
    refuse_redirect,
    retry_after_ms,
)
from ductape.domain.jsonvalue import UNREADABLE
from ductape.errors import ProviderError
from ductape.ports.http import HttpResponse

_CODES: Mapping[str, str] = {
    "QueueDoesNotExist": "NOT_FOUND",
    "AWS.SimpleQueueService.NonExistentQueue": "NOT_FOUND",
    "AccessDenied": "FORBIDDEN",
    "AccessDeniedException": "FORBIDDEN",
    "InvalidClientTokenId": "UNAUTHORIZED",
    "UnrecognizedClientException": "UNAUTHORIZED",
    "SignatureDoesNotMatch": "UNAUTHORIZED",
    "InvalidSignatureException": "UNAUTHORIZED",
    "IncompleteSignature": "UNAUTHORIZED",
    "MissingAuthenticationToken": "UNAUTHORIZED",
    "ExpiredToken": "UNAUTHORIZED",
    "ExpiredTokenException": "UNAUTHORIZED",
    "RequestThrottled": "RATE_LIMITED",
    "ThrottlingException": "RATE_LIMITED",
    "Throttling": "RATE_LIMITED",
    "TooManyRequestsException": "RATE_LIMITED",
    "OverLimit": "RATE_LIMITED",
    "KmsThrottled": "RATE_LIMITED",
    "ServiceUnavailable": "SERVICE_UNAVAILABLE",
    "InternalError": "SERVICE_UNAVAILABLE",
    "InternalFailure": "SERVICE_UNAVAILABLE",
    "InvalidParameterValue": "VALIDATION_ERROR",
    "InvalidMessageContents": "VALIDATION_ERROR",
    "InvalidAttributeValue": "VALIDATION_ERROR",
}
_THEIR_FAULT = 500
_LONGEST = 200


class _Said(Struct):
    """The body of a refusal; services write `message` in either case."""

    type: str = msgspec.field(name="__type", default="")
    message: str = ""
    Message: str = ""


def refuse(response: HttpResponse, action: str, now_ms: int, secrets: tuple[str, ...]) -> None:
    """Raise `ProviderError` for an answer that is no success; `secrets` are masked in it."""
    refuse_redirect(response.status, asked=f"SQS {action}")
    by_status = code_for_status(response.status)
    if by_status is None:
        return
    if response.status >= _THEIR_FAULT:
        by_status = "SERVICE_UNAVAILABLE"
    said = _read(response.body)
    name = said.type.rpartition("#")[2] or f"{action} with {response.status}"
    text = quoted((said.message or said.Message).encode(), secrets)[:_LONGEST]
    raise ProviderError(
        _CODES.get(name, by_status),
        f"SQS answered {quoted(name.encode(), secrets)[:_LONGEST]}: {text}".removesuffix(": "),
        retry_after_ms=retry_after_ms(response.headers, now_ms),
    )


def _read(body: bytes) -> _Said:
    try:
        return msgspec.json.decode(body, type=_Said)
    except UNREADABLE:
        return _Said()

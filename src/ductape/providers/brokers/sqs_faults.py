"""What goes wrong with SQS, told by the codes of SPEC 12."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# boto3 has no annotations.

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import HTTPClientError as BotoHttpError
from botocore.exceptions import ReadTimeoutError as BotoTimeoutError

from ductape.errors import ProviderError

_CODES: Mapping[str, str] = {
    "QueueDoesNotExist": "NOT_FOUND",
    "AWS.SimpleQueueService.NonExistentQueue": "NOT_FOUND",
    "AccessDenied": "FORBIDDEN",
    "AccessDeniedException": "FORBIDDEN",
    "InvalidClientTokenId": "UNAUTHORIZED",
    "UnrecognizedClientException": "UNAUTHORIZED",
    "SignatureDoesNotMatch": "UNAUTHORIZED",
    "ExpiredToken": "UNAUTHORIZED",
    "RequestThrottled": "RATE_LIMITED",
    "ThrottlingException": "RATE_LIMITED",
    "Throttling": "RATE_LIMITED",
    "ServiceUnavailable": "SERVICE_UNAVAILABLE",
    "InternalError": "SERVICE_UNAVAILABLE",
    "InvalidParameterValue": "VALIDATION_ERROR",
    "InvalidMessageContents": "VALIDATION_ERROR",
    "InvalidAttributeValue": "VALIDATION_ERROR",
}
_THEIR_FAULT = 500


@contextmanager
def told() -> Generator[None]:
    """Tell every failure by its code."""
    try:
        yield
    except (ClientError, BotoCoreError, OSError, RuntimeError) as error:
        raise _failure(error) from error


def _failure(error: Exception) -> ProviderError:
    match error:
        case ClientError():
            return _refusal(error)
        case NoCredentialsError() | PartialCredentialsError():
            code = "UNAUTHORIZED"
        case BotoTimeoutError() | TimeoutError():
            code = "TIMEOUT"
        case ConnectionClosedError():
            code = "CONNECTION_LOST"
        case BotoConnectionError() | BotoHttpError() | OSError() | RuntimeError():
            code = "CONNECTION_ERROR"
        case _:
            code = "PROVIDER_ERROR"
    return ProviderError(code, f"SQS: {type(error).__name__}")


def _refusal(error: ClientError) -> ProviderError:
    answer = cast("Mapping[str, Mapping[str, Any]]", error.response)
    told_code = str(answer.get("Error", {}).get("Code", ""))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = _CODES.get(told_code) or (
        "SERVICE_UNAVAILABLE" if status >= _THEIR_FAULT else "PROVIDER_ERROR"
    )
    message = str(answer.get("Error", {}).get("Message", ""))[:200]
    return ProviderError(code, f"SQS answered {told_code}: {message}")

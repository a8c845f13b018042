"""What goes wrong with NATS, told by the codes of SPEC 12."""

from collections.abc import Generator
from contextlib import contextmanager

from nats.errors import (
    AuthorizationError,
    ConnectionClosedError,
    Error,
    FlushTimeoutError,
    MaxPayloadError,
    NoServersError,
)
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from ductape.errors import ProviderError

_THEIR_FAULT = 500
"""Codes from here on are the server's own trouble."""


@contextmanager
def told(where: str) -> Generator[None]:
    """Tell every failure by its code."""
    try:
        yield
    except (Error, OSError, ValueError) as error:
        raise _failure(where, error) from error


def _failure(where: str, error: Exception) -> ProviderError:
    said = str(error)[:200]
    match error:
        case AuthorizationError():
            code = "UNAUTHORIZED"
        case Error() if "authorization" in said.lower():
            code = "UNAUTHORIZED"
        case Error() if "permissions violation" in said.lower():
            code = "FORBIDDEN"
        case ConnectionClosedError() | NoServersError() | OSError() if not isinstance(
            error, TimeoutError
        ):
            code = "CONNECTION_ERROR"
        case FlushTimeoutError() | NatsTimeoutError() | TimeoutError():
            code = "TIMEOUT"
        case MaxPayloadError():
            code = "VALIDATION_ERROR"
        case NotFoundError():
            code = "NOT_FOUND"
        case ServiceUnavailableError():
            code = "SERVICE_UNAVAILABLE"
        case APIError() if (error.code or 0) < _THEIR_FAULT:
            code = "VALIDATION_ERROR"
        case _:
            code = "PROVIDER_ERROR"
    return ProviderError(code, f"NATS at {where}: {said}")

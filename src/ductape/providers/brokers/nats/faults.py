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

_WORDS = {
    "authorization": "UNAUTHORIZED",
    "permissions violation": "FORBIDDEN",
    "expecting info": "CONNECTION_ERROR",  # It hung up, or greets as no NATS does.
}
"""What tells errors apart that have no class of their own."""
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
        case Error() if any(words in said.lower() for words in _WORDS):
            code = next(code for words, code in _WORDS.items() if words in said.lower())
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
    return ProviderError(code, f"{where}: {said}")

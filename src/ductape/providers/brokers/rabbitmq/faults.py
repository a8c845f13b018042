"""What goes wrong with RabbitMQ, told by the codes of SPEC 12."""

from collections.abc import Generator
from contextlib import contextmanager

from aio_pika.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ConnectionClosed,
    DeliveryError,
    ProbableAuthenticationError,
    PublishError,
)

from ductape.errors import ProviderError


@contextmanager
def told(where: str) -> Generator[None]:
    """Tell every failure by its code."""
    try:
        yield
    except (AMQPError, OSError, ChannelInvalidStateError) as error:
        raise _failure(where, error) from error


def _failure(where: str, error: Exception) -> ProviderError:
    match error:
        case AuthenticationError() | ProbableAuthenticationError():
            return ProviderError("UNAUTHORIZED", f"{where} refused the credentials")
        case PublishError():
            return ProviderError(
                "PROVIDER_ERROR",
                f"{where} has no queue that takes the message",
                hint="bind a queue to the exchange, or subscribe first",
            )
        case AMQPError() if str(error).startswith("ACCESS_REFUSED"):
            code = "FORBIDDEN"
        case ChannelNotFoundEntity():
            code = "NOT_FOUND"
        case ChannelPreconditionFailed():
            code = "VALIDATION_ERROR"
        case DeliveryError():
            code = "SERVICE_UNAVAILABLE"
        case TimeoutError():
            code = "TIMEOUT"
        case ConnectionClosed() | ChannelInvalidStateError():
            code = "CONNECTION_LOST"
        case OSError():
            code = "CONNECTION_ERROR"
        case _:
            code = "PROVIDER_ERROR"
    return ProviderError(code, f"{where}: {str(error)[:200]}")

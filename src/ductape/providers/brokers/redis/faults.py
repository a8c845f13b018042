"""What goes wrong with Redis, told by the codes of SPEC 12."""

from collections.abc import Generator
from contextlib import contextmanager

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ductape.errors import ProviderError


@contextmanager
def told(where: str) -> Generator[None]:
    """Tell every failure by its code."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise _failure(where, error) from error


def _failure(where: str, error: Exception) -> ProviderError:
    cause = error.__cause__
    if isinstance(cause, ProviderError):
        return cause  # The guard's own word, which redis-py has wrapped.
    match error:
        case AuthenticationError():
            code = "UNAUTHORIZED"
        case AuthorizationError() | NoPermissionError():
            code = "FORBIDDEN"
        case BusyLoadingError() | ReadOnlyError() | OutOfMemoryError():
            code = "SERVICE_UNAVAILABLE"
        case RedisTimeoutError():
            code = "TIMEOUT"
        case RedisConnectionError() | OSError():
            code = "CONNECTION_ERROR"
        case ResponseError() if str(error).startswith("WRONGTYPE"):
            code = "VALIDATION_ERROR"
        case _:
            code = "PROVIDER_ERROR"
    return ProviderError(code, f"{where}: {str(error)[:200]}")

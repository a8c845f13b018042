"""What goes wrong with Kafka, told by the codes of SPEC 12."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# aiokafka has next to no annotations, and nobody has made stubs of it.

from collections.abc import Generator
from contextlib import contextmanager

from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
)

from ductape.errors import ProviderError


@contextmanager
def told() -> Generator[None]:
    """Tell every failure by its code."""
    try:
        yield
    except (KafkaError, OSError) as error:
        raise _failure(error) from error


def _failure(error: Exception) -> ProviderError:
    match error:
        case AuthenticationFailedError() | SaslAuthenticationFailed():
            # What the server says to it may hold what was refused.
            return ProviderError("UNAUTHORIZED", "Kafka refused the credentials")
        case (
            ClusterAuthorizationFailedError()
            | TopicAuthorizationFailedError()
            | GroupAuthorizationFailedError()
        ):
            code = "FORBIDDEN"
        case UnsupportedSaslMechanismError():
            return ProviderError("VALIDATION_ERROR", "Kafka does not take this `sasl`")
        case UnknownTopicOrPartitionError():
            code = "NOT_FOUND"
        case MessageSizeTooLargeError():
            code = "VALIDATION_ERROR"
        case KafkaTimeoutError() | RequestTimedOutError() | TimeoutError():
            code = "TIMEOUT"
        case KafkaConnectionError() | OSError():
            code = "CONNECTION_ERROR"
        case IllegalStateError():
            code = "CONNECTION_LOST"
        case _:
            code = "PROVIDER_ERROR"
    return ProviderError(code, f"Kafka: {str(error)[:200]}")

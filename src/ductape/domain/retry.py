"""Whether and when a failed attempt is tried again (SPEC 5). Spans in milliseconds."""

from ductape.domain.outcome import Failure
from ductape.domain.request import RetryPolicy

NEVER_RETRIED = frozenset(
    {
        "VALIDATION_ERROR",
        "NOT_FOUND",
        "UNAUTHORIZED",
        "FORBIDDEN",
        "SESSION_INVALID",
        "SESSION_EXPIRED",
        "REFERENCE_MISSING",
        "RESULT_TOO_LARGE",
        "SEAL_BROKEN",
    }
)
"""Codes that another attempt cannot mend, unless the policy names them."""

MOST_LOSSES = 3
"""Losses in a row after which a run counts as a poison pill."""

LONGEST_RETRY_AFTER_MS = 86_400_000
"""A provider's `Retry-After` is believed up to a day."""


def may_retry(policy: RetryPolicy, retries: int, failures: int, failure: Failure) -> bool:
    """Tell whether a run with `failures` failed attempts, this one included, is tried again.

    >>> from ductape.domain.outcome import StoredError
    >>> failed = Failure(StoredError(code="TIMEOUT", message="", type="", at=0))
    >>> may_retry(RetryPolicy(), 3, 3, failed), may_retry(RetryPolicy(), 3, 4, failed)
    (True, False)
    """
    if failure.final or failures > retries:
        return False
    code = failure.error.code
    if code in policy.non_retryable:
        return False
    return failure.again or code not in NEVER_RETRIED or code in policy.retryable


def delay_ms(policy: RetryPolicy, failures: int, draw: float, least_ms: int = 0) -> int:
    """Return how long to wait after the failed attempt number `failures`.

    `draw` is a number from 0 to 1 that decides the jitter, which only ever adds.

    >>> [delay_ms(RetryPolicy(), n, 0.0) for n in (1, 2, 3, 20)]
    [1000, 2000, 4000, 300000]
    >>> delay_ms(RetryPolicy(), 1, 1.0), delay_ms(RetryPolicy(), 1, 0.0, 9000)
    (1500, 9000)
    """
    waited = _backoff(policy, failures)
    if policy.jitter:
        waited += waited * policy.jitter_percent * draw
    return max(int(waited), least_ms)


def least_wait_ms(failure: Failure) -> int:
    """Return how long a failure asks to be waited.

    A provider is believed up to a day, a handler that raised `Retry` whatever it says.

    >>> from ductape.domain.outcome import StoredError
    >>> told = StoredError(code="RETRY", message="", type="", at=0)
    >>> least_wait_ms(Failure(told, retry_after_ms=99_000_000))
    86400000
    >>> least_wait_ms(Failure(told, retry_after_ms=99_000_000, again=True))
    99000000
    """
    asked = failure.retry_after_ms or 0
    return asked if failure.again else min(asked, LONGEST_RETRY_AFTER_MS)


def _backoff(policy: RetryPolicy, failures: int) -> float:
    delay = float(policy.initial_delay_ms)
    for _ in range(failures - 1):
        delay *= policy.backoff_multiplier
        if delay >= policy.max_delay_ms:
            break
    return min(delay, float(policy.max_delay_ms))

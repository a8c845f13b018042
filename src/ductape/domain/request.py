"""What a caller asks for, once parsing has made sure of it.

`parsing` makes these frozen values of the caller's mapping; nothing downstream checks a shape
again. Instants are epoch milliseconds, spans are milliseconds (SPEC 1 to 5).
"""

from enum import StrEnum
from typing import Literal

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject

OnFailure = Literal["continue", "stop", "pause"]
OnLost = Literal["retry", "fail"]


class JobEventTypes(StrEnum):
    """The kinds of event, under the seed's names; `FUNCTION` is ours (SPEC 9)."""

    ACTION = "action"
    FEATURE = "feature"
    NOTIFICATION = "notification"
    DB_ACTION = "database_action"
    JOB = "job"
    STORAGE = "storage"
    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    QUOTA = "quota"
    FALLBACK = "fallback"
    FUNCTION = "function"


class SessionToken(Struct, frozen=True):
    """The session that a request names."""

    tag: str
    """Which kind of session."""
    token: str
    """The token itself: never stored, never logged."""
    must_be_live: bool = False
    """Whether expiry is checked again at each run."""

    def __repr__(self) -> str:
        """Keep the token out of every log and traceback."""
        return f"SessionToken(tag={self.tag!r}, token=***)"


class Repeat(Struct, frozen=True, omit_defaults=True):
    """A recurrence as SPEC 4 has it: exactly one of `cron` and `every_ms` is set."""

    cron: str | None = None
    """The expression, as given."""
    every_ms: int | None = None
    """The period of the grid."""
    limit: int | None = None
    """How many occurrences run in all, the first included."""
    end_at_ms: int | None = None
    """The last nominal instant that still counts."""
    tz: str = "UTC"
    """The IANA zone of `cron` and of instants without an offset."""
    immediately: bool = False
    """One more occurrence at `start_at`, for `cron`."""
    on_failure: OnFailure = "continue"
    """What a run that fails for good does to the recurrence."""


class RetryPolicy(Struct, frozen=True, omit_defaults=True):
    """How failed attempts are tried again (SPEC 5)."""

    initial_delay_ms: int = 1_000
    max_delay_ms: int = 300_000
    backoff_multiplier: float = 2.0
    jitter: bool = True
    jitter_percent: float = 0.5
    retryable: tuple[str, ...] = ()
    """Codes tried again although they usually are not."""
    non_retryable: tuple[str, ...] = ()
    """Codes never tried again; wins over `retryable`."""


class JobRequest(Struct, frozen=True, gc=False):
    """One valid call of `schedule` or `dispatch`."""

    product: str
    env: str
    event: str
    input: JsonObject
    retries: int
    start_at_ms: int
    """0 means now."""
    app: str | None = None
    cache: str | None = None
    session: SessionToken | None = None
    repeat: Repeat | None = None
    key: str | None = None
    retry: RetryPolicy = RetryPolicy()
    timeout_ms: int | None = None
    """For one attempt; none means the kind's default."""
    expires_at_ms: int | None = None
    priority: int = 0
    queue: str = "default"
    on_lost: OnLost = "retry"
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    concurrency_key: str | None = None
    concurrency_limit: int = 1
    """How many runs under the key may run at a time."""
    warnings: tuple[str, ...] = ()
    """What the receipt tells the caller."""
    bytes_given: bool = False
    """Whether `input.blob` was bytes, which storages alone take; it is base64 by now."""
    goes_on_at_ms: int | None = None
    """Of a recurring job that is given another definition: its next instant, that due before."""

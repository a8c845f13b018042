"""The shapes that callers write and read, under the seed's names, for editors and type checkers.

Nothing here checks anything while a program runs: `parsing` does (SPEC 1, 2). Instants are Unix
timestamps, seconds or, from 1e11, milliseconds, or ISO 8601 strings; spans are milliseconds;
whatever comes back has epoch milliseconds.
"""

from collections.abc import Mapping
from typing import Literal, NotRequired, TypedDict

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.lifecycle import JobStatus, RunOutcome
from ductape.domain.request import OnFailure, OnLost


class NotGiven(TypedDict):
    """`{}`: the same as leaving an optional field out."""


Instant = int | float | str
Message = str | Mapping[str, object]
"""A text, a text for each locale (`{"en": …}`), or a template's variables."""


class ISession(TypedDict):
    """The session that a job acts for."""

    tag: str
    """Which kind of session."""
    token: str
    """Made when the session was started."""
    mustBeLive: NotRequired[bool | None]
    """Check its expiry again at each run."""


class IJobRepeatOptions(TypedDict, total=False):
    """A recurrence; `cron` or `every` is needed."""

    cron: str | NotGiven | None
    """Five fields, or six with seconds first, as `0 9 * * 1`."""
    every: int | NotGiven | None
    """The period in milliseconds, at least 100."""
    limit: int | NotGiven | None
    """How many occurrences run in all."""
    endDate: Instant | NotGiven | None
    """The last instant that counts; a bare date means the end of that day."""
    tz: str | NotGiven | None
    """An IANA zone, as `Europe/Amsterdam`; UTC where none is given."""
    immediately: bool | NotGiven | None
    """With `cron`: one more occurrence at `start_at`."""
    onFailure: OnFailure | NotGiven | None
    """What a run that fails for good does to the recurrence; `continue` where none is given."""
    catchUp: Literal["one"] | NotGiven | None
    """Missed instants collapse into one run."""


class IRetryConfig(TypedDict, total=False):
    """How failed attempts are tried again."""

    initialDelay: int | NotGiven | None
    """Milliseconds before the second attempt; 1000 where none is given."""
    maxDelay: int | NotGiven | None
    """Milliseconds at most; 300000 where none is given."""
    backoffMultiplier: float | NotGiven | None
    jitter: bool | NotGiven | None
    jitterPercent: float | NotGiven | None
    """From 0 to 1."""
    retryableErrors: list[str] | NotGiven | None
    """Codes tried again although they usually are not."""
    nonRetryableErrors: list[str] | NotGiven | None
    """Codes never tried again."""


class IActionRequest(TypedDict, total=False):
    """The input of an app's action."""

    query: Mapping[str, object]
    params: Mapping[str, object]
    body: object
    headers: Mapping[str, object]


class IPushNotification(TypedDict):
    """A push notification."""

    title: Message
    body: Message
    data: NotRequired[Mapping[str, object]]
    device_token: str


class IEmail(TypedDict):
    """An e-mail."""

    to: str | list[str]
    subject: Message
    template: Message
    """The body."""


class ISms(TypedDict):
    """A text message."""

    to: str | list[str]
    body: Message


class INotificationRequest(TypedDict):
    """The input of a notification; at least one channel is needed."""

    slug: NotRequired[str]
    push_notification: NotRequired[IPushNotification]
    email: NotRequired[IEmail]
    sms: NotRequired[ISms]
    callback: NotRequired[IActionRequest]


class IDbActionRequest(TypedDict, total=False):
    """The input of a database operation."""

    data: Mapping[str, object] | list[Mapping[str, object]]
    filter: Mapping[str, object]


class IFunctionRequest(TypedDict):
    """The input of a function."""

    payload: object


class IStorageRequest(TypedDict):
    """The input of a file operation."""

    buffer: NotRequired[str]
    """The content as base64."""
    fileName: str
    mimeType: NotRequired[str]
    """Guessed from the content where none is given."""
    operation: NotRequired[Literal["upload", "download", "delete", "list", "exists", "sign"]]


class IJobProcessorInput(TypedDict):
    """What `schedule` and `dispatch` take."""

    product_tag: str
    """The product that executes the job."""
    env: str
    """The environment, as `dev` or `prd`."""
    event: str
    """The event to execute."""
    input: (
        IActionRequest
        | INotificationRequest
        | IDbActionRequest
        | IFunctionRequest
        | IStorageRequest
        | Mapping[str, object]
    )
    """What it works on; `{}` where nothing is needed."""
    start_at: Instant
    """When to start; 0 means now."""
    retries: NotRequired[int | NotGiven | None]
    """How often a failed attempt is tried again; 0 where none is given."""
    app: NotRequired[str | NotGiven | None]
    """The app of an action whose tag is not unique."""
    cache: NotRequired[str | NotGiven | None]
    """The cache that answers equal inputs."""
    session: NotRequired[ISession | NotGiven | None]
    repeat: NotRequired[IJobRepeatOptions | NotGiven | None]
    key: NotRequired[str | NotGiven | None]
    """Your own name for the job, unique in its product and env."""
    retryConfig: NotRequired[IRetryConfig | NotGiven | None]
    timeout: NotRequired[int | NotGiven | None]
    """Milliseconds for one attempt."""
    expires_at: NotRequired[Instant | NotGiven | None]
    """The job does not start later."""
    priority: NotRequired[int | NotGiven | None]
    """From -100 to 100, higher first; 0 where none is given."""
    queue: NotRequired[str | NotGiven | None]
    onLost: NotRequired[OnLost | NotGiven | None]
    """`fail` where a run whose worker died must not be tried again."""
    metadata: NotRequired[Mapping[str, str] | None]
    """Labels to search by."""


class Receipt(TypedDict):
    """What `dispatch` answers once the job is stored."""

    job_id: str
    status: JobStatus
    scheduled_at: int
    recurring: bool
    next_run_at: int | None
    warnings: list[str]


class ErrorView(TypedDict):
    """A stored error, secrets masked."""

    code: str
    message: str
    type: str
    at: int
    traceback: NotRequired[str]


class AttemptView(TypedDict):
    """One try of a run."""

    number: int
    started_at: int
    completed_at: int | None
    status: Literal["running", "completed", "failed", "cancelled", "lost", "interrupted"]
    error: ErrorView | None
    worker: str


class ProgressView(TypedDict):
    """How far a handler says it is."""

    done: float
    total: float | None
    note: str | None


class JobView(TypedDict):
    """A job as everybody sees it; of a recurring job the latest run's figures."""

    id: str
    key: str | None
    status: JobStatus
    kind: str
    event: str
    app: str | None
    product: str
    env: str
    queue: str
    priority: int
    scheduled_at: int
    started_at: int | None
    completed_at: int | None
    recurring: bool
    cron: str | None
    every: int | None
    tz: str | None
    limit: int | None
    end_date: int | None
    next_run_at: int | None
    execution_count: int
    failed_count: int
    retries: int
    retry_count: int
    last_error: ErrorView | None
    input: JsonObject
    result: JsonValue
    cached: bool
    session_tag: str | None
    session_user: str | None
    cache: str | None
    metadata: dict[str, str]
    progress: ProgressView | None
    created_at: int
    updated_at: int
    attempts: list[AttemptView]


class ExecutionView(TypedDict):
    """One finished run."""

    number: int
    scheduled_at: int
    started_at: int | None
    completed_at: int
    duration_ms: int
    status: RunOutcome
    cached: bool
    error: ErrorView | None
    result: JsonValue
    attempts: list[AttemptView]


class HistoryView(TypedDict):
    """A job's finished runs, newest first."""

    job_id: str
    total_executions: int
    successful_executions: int
    failed_executions: int
    executions: list[ExecutionView]


class JobPage(TypedDict):
    """A page of jobs, newest first."""

    jobs: list[JobView]
    next_cursor: str | None
    """For the next page; null at the end."""


class JobVerb(JobView):
    """A job after a verb."""

    changed: bool
    """False where the verb came too late, or there was nothing to do."""


class CacheValueView(TypedDict):
    """One remembered result."""

    cache_tag: str
    component_tag: str
    """The event."""
    component_type: str
    """Its kind."""
    value: JsonValue
    created_at: int
    expires_at: int

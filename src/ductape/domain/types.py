"""The shapes that callers write, under the seed's names, for editors and type checkers.

Nothing here checks anything while a program runs: `parsing` does (SPEC 1, 2). Instants are Unix
timestamps, seconds or, from 1e11, milliseconds, or ISO 8601 strings; spans are milliseconds;
whatever comes back has epoch milliseconds.
"""

from collections.abc import Mapping
from typing import Literal, NotRequired, TypedDict

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

    title: NotRequired[Message]
    """Of title, body and data one is needed, here or in the message."""
    body: NotRequired[Message]
    data: NotRequired[Mapping[str, object]]
    device_token: str


class IEmail(TypedDict):
    """An e-mail."""

    to: str | list[str]
    subject: NotRequired[Message]
    """This and the template: what the message has without variables need not be given."""
    template: NotRequired[Message]
    """The body."""


class ISms(TypedDict):
    """A text message."""

    to: str | list[str]
    body: NotRequired[Message]
    """What the message has without variables need not be given."""


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
    blob: NotRequired[bytes | str]
    """The content as bytes, or as base64."""
    file: NotRequired[str]
    """The content's path on the worker's host, below one of `[files] roots`."""
    url: NotRequired[str]
    """Where the worker fetches the content."""
    fileName: NotRequired[str]
    """What it is called, as `reports/may.pdf`; only `list` needs none."""
    mimeType: NotRequired[str]
    """Guessed from the content where none is given."""
    operation: NotRequired[Literal["upload", "download", "delete", "list", "exists", "sign"]]
    """`upload` where none is given."""
    prefix: NotRequired[str]
    """Of `list`: the folder."""
    limit: NotRequired[int]
    """Of `list`: how many at most, 100 where none is given."""
    cursor: NotRequired[str]
    """Of `list`: what the page before gave."""
    expiry: NotRequired[int]
    """Of `sign`: how many milliseconds the URL is good for; 900000 where none is given."""
    method: NotRequired[Literal["GET", "PUT"]]
    """Of `sign`: what the URL is good for; `GET` where none is given."""


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
    concurrency_key: NotRequired[str | NotGiven | None]
    """Jobs under the same key, product and env wait for one another."""
    concurrency_limit: NotRequired[int | NotGiven | None]
    """How many of them run at a time; 1 where none is given."""
    metadata: NotRequired[Mapping[str, str] | None]
    """Labels to search by."""

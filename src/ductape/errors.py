"""Everything that Ductape raises, as one small tree.

    DuctapeError
    ├── ValidationError      the request is wrong; `errors` lists every fault with its path
    │   └── ReferenceMissing a `$Session{…}` (or the like) points at nothing
    ├── NotFound             no such product, env, event, job, key
    ├── Conflict             the key belongs to a different request
    ├── SessionInvalid       the token is not one of ours, tampered with, or revoked
    │   └── SessionExpired   it was good once
    ├── JobFailed            the attempts are used up
    ├── JobCancelled         somebody ended the job
    ├── ResultTimeout        the wait ended, the job did not
    ├── ResultTooLarge       a run returned more than is kept
    ├── QuotaExceeded        a quota's window is full
    ├── ProviderError        the outside world said no (see `PROVIDER_CODES`)
    ├── StoreError           the database is out of reach, too old, too new, or not ours
    └── ConfigError          the settings cannot work

Each class knows its code, HTTP status, CLI exit code and remedy, so that the SDK, the API, the
CLI and the docs read the same attributes (SPEC 12). Messages never hold secrets: whoever builds
one shows what was found through `domain.found` and `domain.masking`.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NotRequired, TypedDict

PROVIDER_CODES = frozenset(
    {
        "TIMEOUT",
        "RATE_LIMITED",
        "SERVICE_UNAVAILABLE",
        "CONNECTION_ERROR",
        "UNAUTHORIZED",
        "FORBIDDEN",
        "NOT_FOUND",
        "VALIDATION_ERROR",
        "PROVIDER_ERROR",
        "DEADLOCK",
        "CONNECTION_LOST",
    }
)


UNANSWERED = frozenset({"TIMEOUT", "CONNECTION_ERROR"})
"""Codes of servers that gave no answer: to a terminal they are what a store is that gives none."""


class Fault(TypedDict):
    """One thing that is wrong with a request."""

    path: str
    """Where, as in `repeat.every` or `sequence[2].events[0].tag`; empty for the whole."""
    expected: str
    """What would have been right."""
    found: str
    """What was there, shortened, secrets masked."""
    message: str
    """The whole sentence."""
    code: NotRequired[str]
    """Only where it differs from the error's own code."""
    hint: NotRequired[str]
    """What to do, such as the nearest known key."""


class DuctapeError(Exception):
    """The root: what was wrong, where, and what to do about it."""

    code: str = "DUCTAPE_ERROR"
    http_status: ClassVar[int] = 500
    exit_code: int = 1
    remedy: ClassVar[str] = "see the message"

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        hint: str | None = None,
        details: Mapping[str, object] | None = None,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.hint = hint
        self.details = dict(details or {})
        self.job_id = job_id

    def __reduce__(self) -> tuple[object, ...]:
        """Go to other processes whole, whatever the arguments of its kind."""
        return Exception.__new__, (type(self), *self.args), vars(self)


class ValidationError(DuctapeError):
    """The request is wrong; nothing was stored."""

    code = "VALIDATION_ERROR"
    http_status: ClassVar[int] = 422
    exit_code = 2
    remedy: ClassVar[str] = "mend the paths that `errors` names and send the request again"

    def __init__(self, errors: Sequence[Fault] | str, *, job_id: str | None = None) -> None:
        """Take every fault at once; `path`, `hint` and the message come from them.

        A handler may give a sentence instead, which is one fault of the whole.
        """
        faults = [_sentence(errors)] if isinstance(errors, str) else list(errors)
        first = faults[0]
        super().__init__(
            "; ".join(fault["message"] for fault in faults),
            path=first["path"],
            hint=first.get("hint"),
            details={"errors": faults},
            job_id=job_id,
        )
        self.errors = faults


class ReferenceMissing(ValidationError):
    """A reference in the input points at nothing."""

    code = "REFERENCE_MISSING"
    remedy: ClassVar[str] = "name a value that exists, or give `$Default(reference, value)`"


class NotFound(DuctapeError):
    """There is no such thing."""

    code = "NOT_FOUND"
    http_status: ClassVar[int] = 404
    exit_code = 2
    remedy: ClassVar[str] = "use one of the names that the message lists"


class Conflict(DuctapeError):
    """The key, or the thing itself, is already in other use."""

    code = "CONFLICT"
    http_status: ClassVar[int] = 409
    exit_code = 2
    remedy: ClassVar[str] = "use another key, or cancel the job that holds this one"


class SessionInvalid(DuctapeError):
    """The session token cannot be accepted."""

    code = "SESSION_INVALID"
    http_status: ClassVar[int] = 401
    exit_code = 2
    remedy: ClassVar[str] = "start a new session for this product, env and tag"


class SessionExpired(SessionInvalid):
    """The session token was good once."""

    code = "SESSION_EXPIRED"
    remedy: ClassVar[str] = "refresh the session and use the new token"


class JobFailed(DuctapeError):
    """The job's attempts are used up.

    `error` is the stored error of the last attempt (`code`, `message`, `type`, `at`), `attempts`
    the list of all attempts in the wire shape of SPEC 2.
    """

    code = "JOB_FAILED"
    http_status: ClassVar[int] = 200
    remedy: ClassVar[str] = "read `error`, mend the cause, then `jobs.retry(job_id)`"

    def __init__(
        self,
        message: str,
        *,
        error: Mapping[str, object],
        attempts: Sequence[Mapping[str, object]],
        job_id: str,
    ) -> None:
        """Take the stored error and attempts of the run that failed."""
        super().__init__(message, details={"error": dict(error)}, job_id=job_id)
        self.error = dict(error)
        self.attempts = [dict(attempt) for attempt in attempts]


class JobCancelled(DuctapeError):
    """The job was cancelled before it had a result."""

    code = "JOB_CANCELLED"
    http_status: ClassVar[int] = 200
    remedy: ClassVar[str] = "`jobs.retry(job_id)` if it should run after all"


class ResultTimeout(DuctapeError):
    """The wait for a result ended; the job lives on."""

    code = "RESULT_TIMEOUT"
    http_status: ClassVar[int] = 202
    exit_code = 4
    remedy: ClassVar[str] = (
        "`processor.job.wait(job_id)` waits on, `jobs.get` tells where it stands"
    )


class ResultTooLarge(DuctapeError):
    """A run returned more than 1 MiB of JSON."""

    code = "RESULT_TOO_LARGE"
    http_status: ClassVar[int] = 422
    remedy: ClassVar[str] = "return less, or name a `result_storage` in the product"


class QuotaExceeded(DuctapeError):
    """A quota's window is full; `details["retry_after"]` has the wait in milliseconds.

    An amount above the limit has none: it can never fit, and is not tried again.
    """

    code = "QUOTA_EXCEEDED"
    http_status: ClassVar[int] = 429
    remedy: ClassVar[str] = "try again after the wait, or raise the quota"

    def __init__(
        self, message: str, *, retry_after_ms: int | None, details: Mapping[str, object]
    ) -> None:
        """Take how long to wait, none where that is in vain, and what is known of the window."""
        super().__init__(message, details={**details, "retry_after": retry_after_ms})
        self.retry_after_ms = retry_after_ms


class ProviderError(DuctapeError):
    """A provider failed or refused.

    Unlike its siblings it is told its code by whoever raises it, one of `PROVIDER_CODES`, since
    the code decides about a retry (SPEC 5).
    """

    code = "PROVIDER_ERROR"
    http_status: ClassVar[int] = 502
    remedy: ClassVar[str] = "see the provider's answer in `details`"

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after_ms: int | None = None,
        details: Mapping[str, object] | None = None,
        hint: str | None = None,
    ) -> None:
        """Take the code and, where the provider named one, how long to wait at least."""
        unanswered = code in UNANSWERED
        usual = "is the server there, and can it be reached from here?" if unanswered else None
        super().__init__(message, details=details, hint=hint or usual)
        self.code = code
        if unanswered:
            self.exit_code = StoreError.exit_code
        self.retry_after_ms = retry_after_ms


class StoreError(DuctapeError):
    """The database is out of reach or not ours to use."""

    code = "STORE_ERROR"
    http_status: ClassVar[int] = 503
    exit_code = 3
    remedy: ClassVar[str] = "see the message: the path is the store's"
    passing: bool = False
    """Whether it may pass by itself, as an outage does: the same question may be asked again."""
    in_doubt: bool = False
    """Whether what was to be stored may be there all the same: nobody heard of its commit."""


class ConfigError(DuctapeError):
    """The settings cannot work."""

    code = "CONFIG_ERROR"
    exit_code = 2
    remedy: ClassVar[str] = "mend the setting that the message names"


def _sentence(message: str) -> Fault:
    return Fault(path="", expected="", found="", message=message)


def fault(path: str, expected: str, found: str, *, hint: str | None = None) -> Fault:
    """Build one fault with its whole sentence."""
    where = f"{path}: " if path else ""
    sentence = f"{where}expected {expected}, found {found}"
    if hint is None:
        return Fault(path=path, expected=expected, found=found, message=sentence)
    return Fault(
        path=path, expected=expected, found=found, message=f"{sentence} ({hint})", hint=hint
    )


def invalid(path: str, expected: str, found: str, *, hint: str | None = None) -> ValidationError:
    """Build the error of a request with one fault."""
    return ValidationError([fault(path, expected, found, hint=hint)])

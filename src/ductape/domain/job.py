"""A stored job and its runs, as frozen values between the store and the engine.

They hold nothing that could refer back to them, so the garbage collector need not look into
thousands of them (`gc=False`).

Instants are epoch milliseconds, spans milliseconds. `JobSpec` never changes after it is stored
(replacing a recurrence stores a new one); `Run` and `Schedule` are replaced whole.
"""

from typing import Literal

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.lifecycle import RunOutcome, RunState, ScheduleState
from ductape.domain.outcome import StoredError
from ductape.domain.request import JobEventTypes, OnLost, Repeat, RetryPolicy

NEVER_MS = 2**53 - 1
"""When a run is due that only a signal makes go on: the greatest instant that JSON can tell."""

FEATURE_MS = 172_800_000
"""How long a feature may be in hand at a time, suspensions apart: two days. After half of it the
run goes back between two steps, so that nothing bounds the whole."""

AttemptStatus = Literal["completed", "failed", "cancelled", "lost", "interrupted"]


class SealedSession(Struct, frozen=True, omit_defaults=True):
    """What a job keeps of a session: never the token."""

    tag: str
    session_id: str
    """For revocation."""
    user: str | None
    """What the definition's selector names."""
    sealed: bytes
    """The session's data, sealed under the job's id and field `session`."""
    expires_at_ms: int | None = None
    must_be_live: bool = False


class JobSpec(Struct, frozen=True, omit_defaults=True, gc=False):
    """What was asked for, resolved against the product, as it is stored."""

    product: str
    env: str
    event: str
    """The event tag as given."""
    kind: JobEventTypes
    input: JsonObject
    """As given, references unresolved."""
    retries: int
    created_at_ms: int
    app: str | None = None
    needs: str | None = None
    """The handler tag that a worker must have, as `job:tag`."""
    cache: str | None = None
    session: SealedSession | None = None
    repeat: Repeat | None = None
    key: str | None = None
    retry: RetryPolicy = RetryPolicy()
    timeout_ms: int = 60_000
    expires_at_ms: int | None = None
    priority: int = 0
    queue: str = "default"
    on_lost: OnLost = "retry"
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    concurrency_key: str | None = None
    """Runs under the same key of a product and env pass one gate."""
    concurrency_limit: int = 1
    """How many of them run at a time."""
    points_at: JobEventTypes | None = None
    """What a job that points at another event runs in the end."""
    sensitive: bool = False
    """Whether its input and its results are sealed (`services.sealing`)."""
    failed_before: int = 0
    """How many earlier runs of a job that was to run once failed (`jobs.retry`)."""
    unbegun_before: int = 0
    """How many of them were cancelled before they began."""
    calls_features: bool = False
    """Whether a feature may be a part of it, though it is none."""

    @property
    def stepwise(self) -> bool:
        """Whether it is done step by step: what it has done is undone where it ends too early."""
        return self.calls_features or self.kind is JobEventTypes.FEATURE


class Attempt(Struct, frozen=True, omit_defaults=True, gc=False):
    """One try of a run."""

    number: int
    started_at_ms: int
    completed_at_ms: int
    status: AttemptStatus
    worker: str
    error: StoredError | None = None


class Progress(Struct, frozen=True):
    """How far a handler says it is; of a whole number nothing is lost."""

    done: int | float
    total: int | float | None = None
    note: str | None = None


class Run(Struct, frozen=True, gc=False):
    """A live run: it waits or is being executed."""

    job_id: str
    number: int
    """From 1."""
    state: RunState
    spec: JobSpec
    scheduled_at_ms: int
    """The nominal instant of this occurrence."""
    due_at_ms: int
    """When it may start: the nominal instant, or its retry's."""
    fence: int = 0
    """Raised by every change of hands; only the holder of the present one may record."""
    attempts: tuple[Attempt, ...] = ()
    failures: int = 0
    """Failed attempts: what `retries` bounds."""
    losses: int = 0
    """Losses in a row."""
    extra: bool = False
    """An occurrence outside the grid (`retry`, `run_now`): no limit, no instant moved."""
    checkpoint: JsonValue = None
    progress: Progress | None = None
    worker: str | None = None
    started_at_ms: int | None = None
    """Of the present attempt."""
    first_started_at_ms: int | None = None
    """Of the first attempt."""
    cache_key: bytes | None = None
    """Set while it leads or follows equal runs."""
    lacks: str | None = None
    """The handler tag of a step that the last worker lacked: one that has it goes on."""

    @property
    def needs(self) -> str | None:
        """The handler tag that a worker must have to claim it."""
        return self.lacks or self.spec.needs


class Schedule(Struct, frozen=True, gc=False):
    """A recurring job: its definition and how far it has come."""

    job_id: str
    spec: JobSpec
    state: ScheduleState
    version: int
    """Raised by every change; a settlement that saw an older one is computed again."""
    anchor_ms: int
    """The first instant: the phase of an `every` grid, and where `cron` begins."""
    watermark_ms: int | None
    """The nominal instant of the last occurrence that ended; none before the first."""
    next_number: int = 2
    """The number of the next run to be made."""
    occurrences: int = 0
    """Those that count for `limit`."""
    executions: int = 0
    failed: int = 0
    extras: int = 0
    """Extra occurrences that wait for the live one."""
    fault: str | None = None
    """Why the recurrence cannot be computed (quarantine)."""
    reason: str | None = None
    """Why somebody has cancelled it, in their words."""


class Claim(Struct, frozen=True, gc=False):
    """A run in the hands of a worker, with all that settling it takes."""

    run: Run
    schedule: Schedule | None = None
    product_version: int = 0
    """The product's current version at the moment of the claim."""


class Finished(Struct, frozen=True, gc=False):
    """A run at its end, as history keeps it."""

    job_id: str
    number: int
    outcome: RunOutcome
    spec: JobSpec
    scheduled_at_ms: int
    started_at_ms: int | None
    completed_at_ms: int
    attempts: tuple[Attempt, ...]
    result: JsonValue = None
    error: StoredError | None = None
    cached: bool = False
    extra: bool = False
    failures: int = 0
    progress: Progress | None = None

    @property
    def never_began(self) -> bool:
        """Whether it was cancelled before its first attempt."""
        return self.outcome == "cancelled" and self.started_at_ms is None


def attempt_ms(spec: JobSpec) -> int:
    """Return how long one attempt may take.

    Of a feature, and of a job that points at one, `timeout` is each step's (SPEC 1).
    """
    feature = JobEventTypes.FEATURE
    if spec.kind is not feature and spec.points_at is not feature:
        return spec.timeout_ms
    return max(FEATURE_MS, 4 * spec.timeout_ms)


def is_fresh(run: Run) -> bool:
    """Tell a first run that nobody has touched: most of all that is stored."""
    return run.number == 1 and run.fence == 0 and run.worker is None and not run.extra


def under_way(run: Run) -> bool:
    """Tell whether a feature, or what calls one, has begun: it does not wait to begin any more."""
    return run.spec.stepwise and run.first_started_at_ms is not None


def must_begin_by(run: Run) -> int | None:
    """Return until when a run may begin (epoch ms); none where any time will do, or it has."""
    return None if under_way(run) else run.spec.expires_at_ms

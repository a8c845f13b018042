"""The shapes that callers read: one wire shape for SDK, CLI and API (SPEC 1, 2, 7, 10).

Instants are epoch milliseconds, null where not known.
"""

from collections.abc import Iterable
from typing import Literal, NotRequired, TypedDict

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.lifecycle import JobStatus, RunOutcome
from ductape.domain.steps import StepState


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
    details: NotRequired[JsonObject]
    """What a program may act on: a quota's wait, why each option of a fallback failed."""


class AttemptView(TypedDict):
    """One try of a run."""

    number: int
    started_at: int
    completed_at: int | None
    status: Literal["running", "completed", "failed", "cancelled", "lost", "interrupted"]
    error: ErrorView | None
    worker: str


class StepView(TypedDict):
    """One step of a feature's run."""

    path: str
    """As `sequence.step`, of a child `step/sequence.step`; what undoes it adds `~rollback`."""
    kind: str
    status: StepState | Literal["cancelled"]
    """`cancelled` where the run is over, and left it as it was."""
    started_at: int
    completed_at: int | None
    duration_ms: int | None
    failures: int
    due_at: int | None
    """Until when it is held."""
    signal: str | None
    """The name that it waits for."""
    result: JsonValue
    error: ErrorView | None


class ProgressView(TypedDict):
    """How far a handler says it is."""

    done: float
    total: float | None
    note: str | None


class DefinitionView(TypedDict):
    """What was asked for."""

    key: str | None
    kind: str
    event: str
    app: str | None
    product: str
    env: str
    queue: str
    priority: int
    recurring: bool
    cron: str | None
    every: int | None
    tz: str | None
    limit: int | None
    end_date: int | None
    retries: int
    input: JsonObject
    """As given, references unresolved."""
    session_tag: str | None
    session_user: str | None
    cache: str | None
    metadata: dict[str, str]
    created_at: int


class RunView(TypedDict):
    """The run that speaks for the job: under way, else finished, else waiting."""

    scheduled_at: int
    started_at: int | None
    completed_at: int | None
    retry_count: int
    last_error: ErrorView | None
    result: JsonValue
    cached: bool
    progress: ProgressView | None
    attempts: list[AttemptView]


class JobView(DefinitionView, RunView):
    """A job as everybody sees it."""

    id: str
    status: JobStatus
    next_run_at: int | None
    execution_count: int
    failed_count: int
    updated_at: int


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


class JobPage(list[JobView]):
    """A page of jobs, newest first: a list that knows where the next page begins."""

    def __init__(self, jobs: Iterable[JobView] = (), *, next_cursor: str | None = None) -> None:
        """Hold the jobs; `next_cursor` is none at the end."""
        super().__init__(jobs)
        self.next_cursor = next_cursor


class JobVerb(JobView):
    """A job after a verb."""

    changed: bool
    """False where the verb came too late, or there was nothing to do."""


class BulkCount(TypedDict):
    """What a bulk verb did."""

    count: int
    """How many jobs it changed."""


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

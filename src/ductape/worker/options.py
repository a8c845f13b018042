"""What a worker may be told. Spans are milliseconds."""

from msgspec import Struct


class WorkerOptions(Struct, frozen=True):
    """How one worker works."""

    concurrency: int = 200
    """How many runs it executes at a time."""
    queues: tuple[str, ...] = ()
    """Which queues it serves; empty for every queue."""
    lease_ms: int = 30_000
    """How long others wait for a sign of life before they take its runs over."""
    grace_ms: int = 30_000
    """How long a run may take to stop."""
    upkeep_ms: int = 2_000
    """How often it looks for lost runs and recurrences without a run."""
    completed_kept_ms: int = 30 * 86_400_000
    """How long finished runs are kept."""
    failed_kept_ms: int = 90 * 86_400_000
    """How long failed and cancelled ones are kept."""
    claims: bool = True
    """False for a caller's own runs only (`processor.action.run`): nothing is claimed."""

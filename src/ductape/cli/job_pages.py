"""Jobs drawn for people: the list, one job, its history (SPEC 13).

The shapes come from `domain.wire`; instants in them are epoch milliseconds.
"""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ductape.cli.drawing import output, tables, times
from ductape.cli.drawing.tables import Cell, Column
from ductape.domain.wire import AttemptView, ErrorView, ExecutionView, HistoryView, JobView

LIST_COLUMNS = (
    Column("ID"),
    Column("STATUS"),
    Column("EVENT"),
    Column("WHEN", keep=1),
    Column("PRODUCT", keep=3),
    Column("ENV", keep=2),
    Column("RUNS", keep=5, right=True),
    Column("KEY", keep=6),
    Column("QUEUE", keep=9),
    Column("KIND", keep=8),
    Column("AT", keep=4),
    Column("REPEATS", keep=7),
)
"""`WHEN` is the next run of what goes on and the end of what is over."""

ATTEMPT_COLUMNS = (
    Column("ATTEMPT", right=True),
    Column("STATUS"),
    Column("STARTED", keep=1),
    Column("TOOK", keep=2, right=True),
    Column("ERROR", whole=False),
    Column("WORKER", keep=3),
)

RUN_COLUMNS = (
    Column("RUN", right=True),
    Column("STATUS"),
    Column("SCHEDULED", keep=1),
    Column("LATE", keep=4, right=True),
    Column("TOOK", keep=2, right=True),
    Column("ATTEMPTS", keep=3, right=True),
    Column("ERROR", whole=False),
)


def job_list(jobs: Sequence[JobView], now_ms: int) -> RenderableType:
    """Draw a page of jobs."""
    rows = [_row(job, now_ms) for job in jobs]
    return tables.table(LIST_COLUMNS, rows, width=output.screen_width())


def job_page(job: JobView, now_ms: int) -> RenderableType:
    """Draw one job with its attempts, input and result."""
    parts: list[RenderableType] = [tables.pairs(_facts(job, now_ms))]
    if job["attempts"]:
        parts += ["", _attempts(job["attempts"])]
    parts += ["", Text("input", "bold"), Text(output.json_text(job["input"]))]
    if job["status"] == "completed" or job["result"] is not None:
        parts += ["", Text("result", "bold"), Text(output.json_text(job["result"]))]
    return Group(*parts)


def history_page(history: HistoryView) -> RenderableType:
    """Draw a job's finished runs, newest first, below their totals."""
    summary = (
        f"runs {history['total_executions']}: {history['successful_executions']} completed,"
        f" {history['failed_executions']} failed"
    )
    rows = [_run(one) for one in history["executions"]]
    drawn = tables.table(RUN_COLUMNS, rows, width=output.screen_width())
    return Group(Text(summary, "bold"), drawn) if rows else Text(summary, "bold")


def progress_text(job: JobView) -> str | None:
    """Tell how far a job's handler says it is."""
    progress = job["progress"]
    if progress is None:
        return None
    done, total, said = progress["done"], progress["total"], progress["note"]
    figure = f"{done:g}" if total is None else f"{done:g} of {total:g}"
    return f"{figure} ({said})" if said else figure


def error_text(error: ErrorView | None) -> str:
    """Return a stored error in one line; `-` for none."""
    return "-" if error is None else f"{error['code']}: {error['message']}"


def repeats(job: JobView) -> str | None:
    """Tell how a job recurs; none where it does not."""
    if not job["recurring"]:
        return None
    every = job["every"]
    pace = f"every {times.span(every)}" if every is not None else f"{job['cron']} {job['tz']}"
    return pace if job["limit"] is None else f"{pace}, {job['limit']} times"


def _row(job: JobView, now_ms: int) -> list[Cell]:
    at = _when(job)
    return [
        job["id"],
        output.status_text(job["status"]),
        job["event"],
        times.relative(at, now_ms),
        job["product"],
        job["env"],
        str(job["execution_count"]),
        job["key"] or "-",
        job["queue"],
        job["kind"],
        times.clock_time(at),
        repeats(job) or "-",
    ]


def _when(job: JobView) -> int | None:
    if job["status"] == "running":
        return job["started_at"]
    return job["next_run_at"] if job["next_run_at"] is not None else job["completed_at"]


def _facts(job: JobView, now_ms: int) -> list[tuple[str, Cell | None]]:
    error = job["last_error"]
    user = f" ({job['session_user']})" if job["session_user"] else ""
    return [
        ("job", job["id"]),
        ("key", job["key"]),
        ("status", output.status_text(job["status"])),
        ("event", f"{job['event']} ({job['kind']}){' by ' + job['app'] if job['app'] else ''}"),
        ("product", f"{job['product']}, env {job['env']}"),
        ("queue", f"{job['queue']}, priority {job['priority']}"),
        ("session", f"{job['session_tag']}{user}" if job["session_tag"] else None),
        (
            "cache",
            f"{job['cache']}{', answered from it' if job['cached'] else ''}"
            if job["cache"]
            else None,
        ),
        ("repeats", repeats(job)),
        ("runs", f"{job['execution_count']}, failed {job['failed_count']}"),
        ("retries", f"{job['retry_count']} of {job['retries']}"),
        ("progress", progress_text(job)),
        ("created", times.full_time(job["created_at"], now_ms)),
        ("scheduled", times.full_time(job["scheduled_at"], now_ms)),
        ("started", _if_known(job["started_at"], now_ms)),
        ("completed", _if_known(job["completed_at"], now_ms)),
        ("next run", _if_known(job["next_run_at"], now_ms)),
        ("error", None if error is None else Text(output.one_line(error_text(error)), "red")),
        ("metadata", ", ".join(f"{k}={v}" for k, v in job["metadata"].items()) or None),
    ]


def _if_known(instant_ms: int | None, now_ms: int) -> str | None:
    return None if instant_ms is None else times.full_time(instant_ms, now_ms)


def _attempts(attempts: Sequence[AttemptView]) -> RenderableType:
    rows = [_attempt(one) for one in attempts]
    return tables.table(ATTEMPT_COLUMNS, rows, width=output.screen_width())


def _attempt(attempt: AttemptView) -> list[Cell]:
    ended = attempt["completed_at"]
    return [
        str(attempt["number"]),
        output.status_text(attempt["status"]),
        times.clock_time(attempt["started_at"]),
        times.span(None if ended is None else ended - attempt["started_at"]),
        error_text(attempt["error"]),
        attempt["worker"],
    ]


def _run(run: ExecutionView) -> list[Cell]:
    started = run["started_at"]
    return [
        str(run["number"]),
        output.status_text(run["status"]),
        times.clock_time(run["scheduled_at"]),
        times.span(None if started is None else max(started - run["scheduled_at"], 0)),
        times.span(run["duration_ms"]),
        str(len(run["attempts"])),
        error_text(run["error"]),
    ]

"""The jobs while they run: a live table on a terminal, else one line for each change.

Times are shown in seconds and milliseconds of the demo's own machine.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache

from msgspec import Struct
from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ductape.app.zones import PackagedZones
from ductape.cli.demo.story import Act
from ductape.domain.lifecycle import JobStatus
from ductape.domain.wire import JobView

Look = Callable[[Sequence[Act], Sequence[JobView], int], None]

STYLES: dict[JobStatus, str] = {
    "scheduled": "cyan",
    "queued": "yellow",
    "running": "bold blue",
    "completed": "green",
    "failed": "red",
    "cancelled": "magenta",
    "paused": "magenta",
}


class Row(Struct, frozen=True):
    """One job at one moment."""

    title: str
    status: JobStatus
    runs: str
    attempts: str
    note: str


@contextmanager
def live_table(console: Console) -> Generator[Look, None, None]:
    """Yield what draws the table anew; its last state stays."""
    with Live(console=console, auto_refresh=False) as live:

        def look(acts: Sequence[Act], jobs: Sequence[JobView], now_ms: int) -> None:
            live.update(_table(_rows(acts, jobs, now_ms)), refresh=True)

        yield look


@contextmanager
def plain_lines(console: Console) -> Generator[Look, None, None]:
    """Yield what prints a line for each job whose state changed."""
    seen: dict[str, tuple[str, ...]] = {}
    began: list[int] = []

    def look(acts: Sequence[Act], jobs: Sequence[JobView], now_ms: int) -> None:
        began.append(now_ms)
        for row in _rows(acts, jobs, now_ms):
            state = (row.status, row.runs, row.attempts)
            if seen.get(row.title) != state:
                seen[row.title] = state
                at = f"{(now_ms - began[0]) / 1_000:5.1f} s"
                console.print(
                    f"  {at}  {row.title:<25} {row.status:<9}  {row.note}", soft_wrap=True
                )

    yield look


def _rows(acts: Sequence[Act], jobs: Sequence[JobView], now_ms: int) -> list[Row]:
    led = {job["cache"] for job in jobs if job["status"] == "running"} - {None}
    return [
        Row(
            title=act.title,
            status=job["status"],
            runs=_runs(job),
            attempts=str(len(job["attempts"]) or "-"),
            note="awaits the equal one" if _follows(job, led) else note(job, now_ms),
        )
        for act, job in zip(acts, jobs, strict=True)
    ]


def _follows(job: JobView, led: set[str | None]) -> bool:
    return job["status"] == "queued" and job["cache"] in led


def _runs(job: JobView) -> str:
    done, limit = job["execution_count"], job["limit"]
    return f"{done} of {limit}" if limit is not None else str(done or "-")


def _table(rows: Sequence[Row]) -> Padding:
    """Draw the rows, 79 columns wide at most."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("job", no_wrap=True, min_width=24)
    table.add_column("state", no_wrap=True, min_width=9)
    table.add_column("runs", no_wrap=True, min_width=7)
    table.add_column("tries", no_wrap=True, justify="right")
    table.add_column("", no_wrap=True, style="dim", min_width=21)
    for row in rows:
        status = Text(row.status, STYLES[row.status])
        table.add_row(row.title, status, row.runs, row.attempts, row.note)
    return Padding(table, (0, 0, 0, 2), expand=False)


def note(job: JobView, now_ms: int) -> str:
    """Return the one thing worth saying of a job now."""
    match job["status"]:
        case "completed" if job["cached"]:
            return "by the equal one"
        case "completed":
            return f"took {_took_ms(job)} ms"
        case "failed" | "cancelled":
            return job["last_error"]["code"] if job["last_error"] else ""
        case "scheduled":
            return _waits(job, now_ms)
        case _:
            return ""


def _took_ms(job: JobView) -> int:
    started, completed = job["started_at"], job["completed_at"]
    return completed - started if started is not None and completed is not None else 0


def _waits(job: JobView, now_ms: int) -> str:
    due_ms = job["next_run_at"]
    if due_ms is None:
        return ""
    if job["cron"] is not None:
        return f"{local(due_ms, job['tz'] or 'UTC'):%a %d %b %H:%M %Z}"
    word = "again" if job["attempts"] and not job["recurring"] else "due"
    return f"{word} in {max(due_ms - now_ms, 0) / 1_000:.1f} s"


def local(at_ms: int, zone: str) -> datetime:
    """Return an instant, epoch ms, as a zone's wall clock shows it."""
    return datetime.fromtimestamp(at_ms / 1_000, _zones().get(zone))


@cache
def _zones() -> PackagedZones:
    return PackagedZones()

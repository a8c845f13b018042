"""`ductape jobs watch`: one job, live, until it is over (SPEC 13).

On a terminal the job is drawn in place; elsewhere each change is a line, with `--json` a line of
JSON. The exit code is the job's: 1 where it failed or was cancelled.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType
from rich.live import Live

from ductape.cli.calling import Call, JsonOption, StoreOption, end, now_ms
from ductape.cli.drawing import output, times
from ductape.cli.job_pages import error_text, job_page, progress_text
from ductape.domain.lifecycle import JobStatus
from ductape.domain.wire import JobView
from ductape.errors import JobFailed, ResultTimeout

if TYPE_CHECKING:
    from ductape import Ductape


def watch(
    context: typer.Context,
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job.")],
    *,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Give up then.", min=0)
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow a job until it is over; a recurring one until its recurrence ends."""
    call = Call.of(context, store, as_json=as_json)
    status = call.ask(lambda here: _followed(here, call, job_id, timeout))
    if status != "completed":
        end(JobFailed.exit_code)


async def _followed(here: "Ductape", call: Call, job_id: str, timeout: float | None) -> JobStatus:
    """Show each change; return the state in which the job is over."""
    try:
        async with asyncio.timeout(timeout), aclosing(here.jobs.watch(job_id)) as changes:
            return await _shown(changes, call)
    except TimeoutError:
        said = f"job {job_id} is not over after {timeout:g} s; it lives on"
        raise ResultTimeout(said, job_id=job_id) from None


async def _shown(changes: AsyncIterator[JobView], call: Call) -> JobStatus:
    if call.as_json:
        return await _through(changes, output.show_json_line)
    console = output.stdout_console()
    if not console.is_terminal:
        return await _through(changes, lambda job: output.line(_line(job)))
    with Live(console=console, auto_refresh=False) as live:
        return await _through(changes, lambda job: live.update(_drawn(job), refresh=True))


async def _through(changes: AsyncIterator[JobView], write: Callable[[JobView], None]) -> JobStatus:
    status: JobStatus = "scheduled"
    async for job in changes:
        write(job)
        status = job["status"]
    return status


def _drawn(job: JobView) -> RenderableType:
    return job_page(job, now_ms())


def _line(job: JobView) -> str:
    parts = [times.clock_time(job["updated_at"]), job["status"]]
    if job["recurring"]:
        parts.append(f"runs {job['execution_count']}")
    if job["attempts"]:
        parts.append(f"attempt {job['attempts'][-1]['number']}")
    progress = progress_text(job)
    if progress is not None:
        parts.append(progress)
    if job["last_error"] is not None:
        parts.append(error_text(job["last_error"]))
    return "  ".join(parts)

"""`ductape jobs`: looking at jobs and changing them (SPEC 10, 13)."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.text import Text

from ductape.cli.calling import Call, JsonOption, StoreOption, now_ms
from ductape.cli.drawing import output
from ductape.cli.job_pages import history_page, job_list, job_page
from ductape.cli.step_tree import step_tree
from ductape.cli.watching import watch
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.lifecycle import JobStatus
from ductape.domain.time.instants import read_instant
from ductape.domain.wire import JobPage, JobVerb, JobView, StepView
from ductape.errors import ValidationError, fault

if TYPE_CHECKING:
    from ductape import Ductape

app = typer.Typer(no_args_is_help=True, help="Look at jobs and change them.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The job.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="One or more jobs.")]


@app.command("list")
def list_jobs(  # noqa: PLR0913 (SPEC 10 lists the filters)
    context: typer.Context,
    *,
    status: Annotated[JobStatus | None, typer.Option(help="In this state.")] = None,
    kind: Annotated[str | None, typer.Option(help="Such as `action` or `notification`.")] = None,
    product: Annotated[str | None, typer.Option(help="Of this product.")] = None,
    env: Annotated[str | None, typer.Option(help="Of this env.")] = None,
    event: Annotated[str | None, typer.Option(help="Of this event.")] = None,
    recurring: Annotated[
        bool | None, typer.Option("--recurring/--once", help="Only recurring, or only one-off.")
    ] = None,
    queue: Annotated[str | None, typer.Option(help="In this queue.")] = None,
    session_tag: Annotated[str | None, typer.Option(help="For this kind of session.")] = None,
    session_user: Annotated[str | None, typer.Option(help="For this user.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Labelled so; repeatable.")
    ] = None,
    query: Annotated[
        str | None, typer.Option("-q", "--query", help="Text in id, key or event.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="ISO", help="Created then or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="ISO", help="Created before then.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="The page after this one.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first."""
    call = Call.of(context, store, as_json=as_json)
    labels = _labels(metadata or [])
    from_ms, to_ms = _instant(since, "--from"), _instant(until, "--to")
    page = call.ask(
        lambda here: here.jobs.list(
            status=status,
            kind=kind,
            product=product,
            env=env,
            event=event,
            recurring=recurring,
            queue=queue,
            session_tag=session_tag,
            session_user=session_user,
            metadata=labels,
            q=query,
            from_=from_ms,
            to=to_ms,
            limit=limit,
            cursor=cursor,
        )
    )
    call.show(page, human=lambda: _page(page))
    if page.next_cursor is not None:
        output.note(f"there are more: --cursor {page.next_cursor}")


@app.command()
def show(
    context: typer.Context,
    job_id: Annotated[str | None, typer.Argument(metavar="ID", help="The job.")] = None,
    *,
    key: Annotated[str | None, typer.Option(help="Your own name for it, instead of ID.")] = None,
    product: Annotated[str | None, typer.Option(help="With --key.")] = None,
    env: Annotated[str | None, typer.Option(help="With --key.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a job with its attempts, its steps, its input and its result."""
    call = Call.of(context, store, as_json=as_json)

    async def looked(here: "Ductape") -> tuple[JobView, list[StepView]]:
        job = await here.jobs.get(job_id, key=key, product=product, env=env)
        return job, [] if as_json else await here.jobs.steps(job["id"])

    job, steps = call.ask(looked)
    call.show(job, human=lambda: _whole(job, steps))


@app.command()
def steps(
    context: typer.Context,
    job_id: Id,
    *,
    run: Annotated[int | None, typer.Option(help="Of this run; the latest if left out.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the steps of a feature as a tree, with their states and durations."""
    call = Call.of(context, store, as_json=as_json)
    found = call.ask(lambda here: here.jobs.steps(job_id, run=run))
    call.show(found, human=lambda: step_tree(found, now_ms()))


@app.command()
def signal(
    context: typer.Context,
    job_id: Id,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the feature waits for.")],
    data: Annotated[str, typer.Argument(metavar="[JSON]", help="What it is told.")] = "null",
    *,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a signal to a feature that waits for it, now or later."""
    call = Call.of(context, store, as_json=as_json)
    told = _json(data)
    sent = call.ask(lambda here: here.features.signal(job_id, name, told))
    said = "sent" if sent["changed"] else "not sent: the job is over"
    call.show(sent, human=lambda: Text(said))


@app.command()
def history(
    context: typer.Context,
    job_id: Id,
    *,
    limit: Annotated[int, typer.Option(help="At most so many runs.", min=1)] = 100,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a job's finished runs, newest first."""
    call = Call.of(context, store, as_json=as_json)
    found = call.ask(lambda here: here.jobs.history(job_id, limit=limit))
    call.show(found, human=lambda: history_page(found))


app.command()(watch)


@app.command()
def cancel(
    context: typer.Context,
    job_ids: Ids,
    *,
    reason: Annotated[str | None, typer.Option(help="Kept with the job.")] = None,
    run_only: Annotated[
        bool, typer.Option("--run-only", help="The present run alone; the recurrence goes on.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel jobs: what waits at once, what runs within a second."""
    call = Call.of(context, store, as_json=as_json)
    _each(call, job_ids, lambda here, one: here.jobs.cancel(one, reason, run_only=run_only))


@app.command()
def retry(
    context: typer.Context,
    job_ids: Ids,
    *,
    delay: Annotated[int, typer.Option(metavar="MS", help="How long to wait first.")] = 0,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run failed or cancelled jobs again, with fresh retries."""
    call = Call.of(context, store, as_json=as_json)
    _each(call, job_ids, lambda here, one: here.jobs.retry(one, delay=delay))


@app.command()
def pause(
    context: typer.Context, job_ids: Ids, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Halt recurring jobs; a running run is let end."""
    call = Call.of(context, store, as_json=as_json)
    _each(call, job_ids, lambda here, one: here.jobs.pause(one), recurring=True)


@app.command()
def resume(
    context: typer.Context, job_ids: Ids, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Let paused recurring jobs go on."""
    call = Call.of(context, store, as_json=as_json)
    _each(call, job_ids, lambda here, one: here.jobs.resume(one), recurring=True)


@app.command("run-now")
def run_now(
    context: typer.Context, job_ids: Ids, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Run recurring jobs once more, now; no instant of theirs moves."""
    call = Call.of(context, store, as_json=as_json)
    _each(call, job_ids, lambda here, one: here.jobs.run_now(one), recurring=True)


def _each(
    call: Call,
    job_ids: Sequence[str],
    verb: "Callable[[Ductape, str], Awaitable[JobVerb]]",
    *,
    recurring: bool = False,
) -> None:
    """Apply a verb to each job, after a look that all of them are there, and are `recurring`."""

    async def applied(here: "Ductape") -> list[JobVerb]:
        for job in [await here.jobs.get(job_id) for job_id in job_ids]:
            if recurring and not job["recurring"]:
                await verb(here, job["id"])  # It refuses that one before any other is changed.
        return [await verb(here, job_id) for job_id in job_ids]

    jobs = call.ask(applied)
    call.show(jobs if len(jobs) > 1 else jobs[0], human=lambda: Group(*map(_outcome, jobs)))


def _outcome(job: JobVerb) -> RenderableType:
    said = Text(f"{output.one_line(job['id'])}  ")
    said.append_text(output.status_text(job["status"]))
    return said if job["changed"] else said.append("  (nothing to change)", "dim")


def _whole(job: JobView, found: Sequence[StepView]) -> RenderableType:
    page = job_page(job, now_ms())
    return Group(page, "", step_tree(found, now_ms())) if found else page


def _json(text: str) -> JsonValue:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValidationError([fault("JSON", "a JSON value", str(error))]) from error


def _page(page: JobPage) -> RenderableType | None:
    if page:
        return job_list(page, now_ms())
    output.note("no job fits")
    return None


def _instant(given: str | None, path: str) -> int | str | None:
    """Return an instant as it was given, once it can be read."""
    if given is None:
        return None
    value = int(given) if given.isascii() and given.isdigit() else given
    found = read_instant(value, path=path, zone=UTC)
    if isinstance(found, int):
        return value
    raise ValidationError([found])


def _labels(given: Sequence[str]) -> dict[str, str] | None:
    faults = [fault("--metadata", "NAME=VALUE", repr(one)) for one in given if "=" not in one]
    if faults:
        raise ValidationError(faults)
    pairs = (one.partition("=") for one in given)
    return {name: value for name, _, value in pairs} or None

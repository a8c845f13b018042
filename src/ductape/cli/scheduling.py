"""`ductape schedule`: storing jobs, and waiting for what becomes of them (SPEC 1, 13)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypedDict, TypeVar, cast

import typer
from rich.console import Group, RenderableType

import ductape
from ductape.cli.calling import Call, JsonOption, StoreOption, carried_out, end, now_ms
from ductape.cli.drawing import output, tables, times
from ductape.cli.reading import value_of
from ductape.domain.found import kind_of
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.wire import ErrorView, Receipt
from ductape.errors import JobCancelled, JobFailed, ResultTimeout, invalid

if TYPE_CHECKING:
    from ductape import Ductape

T = TypeVar("T")


class Ended(TypedDict):
    """What became of one job of a batch."""

    job_id: str
    status: str
    """`completed`, `failed`, `cancelled`, or `pending` where the wait timed out."""
    result: JsonValue
    error: ErrorView | None


def schedule(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A request, or an array of them, in JSON or YAML; `-` is stdin."
        ),
    ],
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Wait, and print the result.")] = False,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="With --wait: give up then.", min=0)
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store a job, or many at once, and print the receipts or, with --wait, the results.

    An array is stored whole or not at all. With --wait a worker runs in this process too.
    """
    call = Call.of(context, store, as_json=as_json)
    if timeout is not None and not wait:
        hint = "what one attempt may take is `timeout` in the request"
        raise invalid("--timeout", "`--wait` beside it", "none", hint=hint)
    requests = _requests(value_of(file))
    if isinstance(requests, dict):
        _one(call, requests, wait=wait, timeout=timeout)
    else:
        _many(call, requests, wait=wait, timeout=timeout)


def _one(call: Call, request: JsonObject, *, wait: bool, timeout: float | None) -> None:
    if wait:
        output.show_json(
            _waited(call, lambda here: here.processor.job.schedule(request, timeout=timeout))
        )
        return
    receipt, worked = call.ask(lambda here: _stored(here, here.processor.job.dispatch(request)))
    call.show(receipt, human=lambda: _receipt(receipt))
    _note_no_worker(worked=worked)


def _many(call: Call, batch: list[JsonObject], *, wait: bool, timeout: float | None) -> None:
    if not wait:
        receipts, worked = call.ask(
            lambda here: _stored(here, here.processor.job.dispatch_many(batch))
        )
        call.show(receipts, human=lambda: Group(*(_receipt(one) for one in receipts)))
        _note_no_worker(worked=worked)
        return
    _refuse_recurring(batch)
    ended = _waited(call, lambda here: _all_ends(here, batch, timeout))
    output.show_json(ended)
    if any(one["status"] in ("failed", "cancelled") for one in ended):
        end(JobFailed.exit_code)
    if any(one["status"] == "pending" for one in ended):
        end(ResultTimeout.exit_code)


async def _stored(here: "Ductape", storing: Awaitable[T]) -> tuple[T, bool]:
    """Return the receipt, and whether there is a live worker."""
    return await storing, bool(await here.workers.list())


def _note_no_worker(*, worked: bool) -> None:
    if not worked:
        output.note("no worker is live: `ductape worker` starts one")


def _waited(call: Call, question: "Callable[[Ductape], Awaitable[T]]") -> T:
    """Ask with a worker in this process; what it has in hand for others goes back at once."""

    async def asked() -> T:
        async with ductape.Ductape.open(call.store, config=call.config, worker=True) as here:
            try:
                return await question(here)
            except asyncio.CancelledError:  # by a person's Ctrl-C
                output.note("what is stored stays: `ductape jobs list` shows it")
                raise
            finally:
                await here.aclose(grace_ms=0)

    return carried_out(asked)


async def _all_ends(here: "Ductape", batch: list[JsonObject], timeout: float | None) -> list[Ended]:
    receipts = await here.processor.job.dispatch_many(batch)
    ends = (_end_of(here, receipt["job_id"], timeout) for receipt in receipts)
    return await asyncio.gather(*ends)


async def _end_of(here: "Ductape", job_id: str, timeout: float | None) -> Ended:
    try:
        result = await here.processor.job.wait(job_id, timeout=timeout)
    except JobFailed as error:
        told = cast("ErrorView", error.error)
        return Ended(job_id=job_id, status="failed", result=None, error=told)
    except JobCancelled:
        return Ended(job_id=job_id, status="cancelled", result=None, error=None)
    except ResultTimeout:
        return Ended(job_id=job_id, status="pending", result=None, error=None)
    return Ended(job_id=job_id, status="completed", result=result, error=None)


def _requests(value: JsonValue) -> JsonObject | list[JsonObject]:
    match value:
        case dict():
            return value
        case list():
            return cast("list[JsonObject]", value)  # what is none is told with every other fault
        case _:
            raise invalid("", "a request or an array of requests", kind_of(value))


def _refuse_recurring(batch: Sequence[JsonValue]) -> None:
    """Refuse what has no one end to wait for."""
    for at, request in enumerate(batch):
        if isinstance(request, dict) and request.get("repeat"):
            expected = "no recurrence in an array that is waited for"
            raise invalid(f"[{at}].repeat", expected, "one", hint="schedule it by itself")


def _receipt(receipt: Receipt) -> RenderableType:
    for warning in receipt["warnings"]:
        output.warn(warning)
    now = now_ms()
    return tables.pairs(
        [
            ("job", receipt["job_id"]),
            ("status", output.status_text(receipt["status"])),
            ("due", times.full_time(receipt["scheduled_at"], now)),
            ("next run", _next_run(receipt, now)),
        ]
    )


def _next_run(receipt: Receipt, now: int) -> str | None:
    return times.full_time(receipt["next_run_at"], now) if receipt["recurring"] else None

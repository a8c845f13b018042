"""`ductape worker`: working until told to stop; `ductape workers`: who works (SPEC 11, 13).

The first SIGTERM or SIGINT stops gracefully: no new claims, running runs get the grace time, the
rest go back unharmed. The second ends the process at once; others take its runs over.
"""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from ductape.cli.calling import Call, JsonOption, StoreOption, end, now_ms
from ductape.cli.drawing import output, tables, times

if TYPE_CHECKING:  # the engine loads when it is needed
    from ductape.services.workers import WorkerView


def worker(
    context: typer.Context,
    *,
    queues: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these queues; all if none.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(metavar="N", help="How many runs at a time.", min=1)
    ] = None,
    handlers: Annotated[
        list[str] | None,
        typer.Option(metavar="MODULE:ATTR", help="A registry of handlers; repeatable."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Execute jobs until told to stop (Ctrl-C, or SIGTERM). Logs go to standard error."""
    from ductape.cli import working  # noqa: PLC0415 (the engine loads when it is needed)

    call = Call.of(context, store)
    wish = working.Wish(
        queues=None if queues is None else tuple(name.strip() for name in queues.split(",")),
        concurrency=concurrency,
        handlers=tuple(handlers or ()),
    )
    end(working.work(call, wish))


def workers(
    context: typer.Context, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """List the live workers, longest at work first."""
    call = Call.of(context, store, as_json=as_json)
    found = call.ask(lambda here: here.workers.list())
    call.show(found, human=lambda: _workers(found))


def _workers(found: "list[WorkerView]") -> RenderableType | None:
    if not found:
        output.note("no worker is live: `ductape worker` starts one")
        return None
    now = now_ms()
    columns = [
        tables.Column("ID"),
        tables.Column("STARTED", keep=2),
        tables.Column("SLOTS", keep=3, right=True),
        tables.Column("QUEUES", keep=1, whole=False),
        tables.Column("HANDLERS", keep=4, whole=False),
        tables.Column("LEASE ENDS", keep=5),
    ]
    rows = [
        [
            one["id"],
            times.relative(one["started_at"], now),
            str(one["concurrency"]),
            ", ".join(one["queues"]) or "every queue",
            ", ".join(one["handlers"]) or "-",
            times.relative(one["lease_until"], now),
        ]
        for one in found
    ]
    return tables.table(columns, rows, width=output.screen_width())

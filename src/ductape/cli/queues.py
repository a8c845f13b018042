"""`ductape queues`: what waits where, and holding a queue back, for every worker (SPEC 10, 13)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from ductape.cli.calling import Call, Globals, JsonOption, StoreOption, now_ms
from ductape.cli.drawing import output, tables, times

if TYPE_CHECKING:  # the engine loads when it is needed
    from ductape import Ductape
    from ductape.services.queues import QueueView

app = typer.Typer()

USUAL_NAME = 30
"""Characters of a queue's name that leave room for all columns; a longer one is wrapped."""
Name = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name.")]
Limit = Annotated[
    int | None, typer.Argument(metavar="[N]", help="How many; without it, the limit is lifted.")
]


@app.callback(invoke_without_command=True)
def queues(
    context: typer.Context, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Look at queues; pause and limit them for every worker. Alone it lists them."""
    call = Call.of(context, store, as_json=as_json)
    if context.invoked_subcommand is None:
        _list(call)
    context.obj = Globals(call.store, call.config, call.as_json)  # for the verb that follows


@app.command("list")
def list_queues(
    context: typer.Context, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """List the queues that have runs, or that somebody has paused or limited."""
    _list(Call.of(context, store, as_json=as_json))


@app.command()
def pause(
    context: typer.Context, name: Name, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Let no worker claim from a queue; jobs are still accepted, what runs is let end."""
    _change(Call.of(context, store, as_json=as_json), lambda here: here.queues.pause(name))


@app.command()
def resume(
    context: typer.Context, name: Name, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Let workers claim from a queue again."""
    _change(Call.of(context, store, as_json=as_json), lambda here: here.queues.resume(name))


@app.command("set-concurrency")
def set_concurrency(
    context: typer.Context,
    name: Name,
    limit: Limit = None,
    *,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let so many of a queue's runs run at a time, over all workers."""
    call = Call.of(context, store, as_json=as_json)
    _change(call, lambda here: here.queues.set_concurrency(name, limit))


@app.command("set-rate")
def set_rate(
    context: typer.Context,
    name: Name,
    limit: Limit = None,
    *,
    per: Annotated[int, typer.Option(metavar="MS", help="The span, in milliseconds.")] = 1_000,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let so many of a queue's runs start in any span of `--per` milliseconds."""
    call = Call.of(context, store, as_json=as_json)
    _change(call, lambda here: here.queues.set_rate(name, limit, per))


def _list(call: Call) -> None:
    found = call.ask(lambda here: here.queues.list())
    call.show(found, human=lambda: _table(found))


def _change(call: Call, verb: "Callable[[Ductape], Awaitable[QueueView]]") -> None:
    queue = call.ask(verb)
    call.show(queue, human=lambda: f"{queue['name']}: {_held_back(queue)}")


def _held_back(queue: "QueueView") -> str:
    rate = queue["rate"]
    parts = [
        "paused" if queue["paused"] else "open",
        "" if queue["concurrency"] is None else f"{queue['concurrency']} at a time",
        "" if rate is None else f"{rate['limit']} every {times.span(rate['per'])}",
    ]
    return ", ".join(part for part in parts if part)


def _table(found: "Sequence[QueueView]") -> RenderableType | None:
    if not found:
        output.note("no queue has jobs that wait or run, and none is paused or limited")
        return None
    now = now_ms()
    columns = [
        tables.Column("QUEUE", whole=all(len(one["name"]) <= USUAL_NAME for one in found)),
        tables.Column("STATE", whole=False),
        tables.Column("QUEUED", right=True),
        tables.Column("RUNNING", keep=1, right=True),
        tables.Column("SCHEDULED", keep=2, right=True),
        tables.Column("OLDEST", keep=3),
    ]
    rows = [
        [
            one["name"],
            _held_back(one),
            str(one["queued"]),
            str(one["running"]),
            str(one["scheduled"]),
            "-" if one["oldest_due_at"] is None else times.relative(one["oldest_due_at"], now),
        ]
        for one in found
    ]
    return tables.table(columns, rows, width=output.screen_width())

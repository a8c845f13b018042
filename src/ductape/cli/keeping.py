"""`ductape store`: whole stores copied, looked over, saved and put back (SPEC 10, 13)."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from ductape.cli.calling import Call, JsonOption, StoreOption, carried_out, end
from ductape.cli.drawing import output, tables
from ductape.cli.drawing.progress import rows_copied

if TYPE_CHECKING:  # the engine loads when it is needed
    from ductape.app.keeping import CheckReport
    from ductape.services.copying import CopyReport

UNSOUND = 1
"""The exit code of `store check` where something is wrong."""

app = typer.Typer(no_args_is_help=True, help="Copy, look over, save and put back whole stores.")


@app.command()
def copy(
    context: typer.Context,
    origin: Annotated[str, typer.Argument(metavar="FROM", help="The URL of a store.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The URL of an empty one.")],
    *,
    again: Annotated[
        bool,
        typer.Option("--again", help="Empty TO, where a copy stopped halfway, and begin anew."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy all that a store holds into an empty one, and compare both sides.

    No worker may be live on either side. Encryption keys are not copied.
    """
    from ductape.app import keeping, maintenance  # noqa: PLC0415 (the engine loads when needed)

    call = Call.of(context, as_json=as_json)
    settings = maintenance.settings_for(None, call.config)
    with rows_copied() as told:
        report = carried_out(
            lambda: keeping.copied(settings, origin, target, again=again, told=told)
        )
    call.show(report, human=lambda: _copied(report))


@app.command()
def check(
    context: typer.Context, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Look a store over: its file, and what must hold between its rows. Exit code 1: not sound."""
    from ductape.app import keeping, maintenance  # noqa: PLC0415 (the engine loads when needed)

    call = Call.of(context, store, as_json=as_json)
    settings = maintenance.settings_for(call.store, call.config)
    report = carried_out(lambda: keeping.checked(settings))
    call.show(report, human=lambda: _checked(report))
    end(UNSOUND if report["findings"] else 0)


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A new file.")],
    *,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Save a SQLite store into a new file, while it is in use. The keys are left out."""
    from ductape.app import keeping, maintenance  # noqa: PLC0415 (the engine loads when needed)

    call = Call.of(context, store, as_json=as_json)
    settings = maintenance.settings_for(call.store, call.config)
    done = carried_out(lambda: keeping.saved(settings, file))
    call.show(done, human=lambda: Text(f"saved {done['bytes']} bytes in {output.plain(file)}"))
    output.note("the encryption keys are left out: keep them elsewhere, it opens with them alone")


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `backup` made.")],
    *,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a saved store back, where there is none. Its keys must be put back beside it."""
    from ductape.app import keeping, maintenance  # noqa: PLC0415 (the engine loads when needed)

    call = Call.of(context, store, as_json=as_json)
    settings = maintenance.settings_for(call.store, call.config)
    done = carried_out(lambda: keeping.put_back(settings, file))
    call.show(done, human=lambda: Text(f"put {done['bytes']} bytes back"))
    output.note("it opens with the encryption keys that it was used with")


def _copied(report: "CopyReport") -> RenderableType:
    columns = [tables.Column("TABLE"), tables.Column("ROWS", right=True)]
    rows = [[one["table"], str(one["rows"])] for one in report["tables"]]
    keys = ", ".join(report["keys"])
    return Group(
        tables.table(columns, rows, width=output.screen_width()),
        Text(f"{report['rows']} rows, the same on both sides"),
        Text(output.plain(f"the new store needs the keys: {keys}" if keys else "no keys needed")),
    )


def _checked(report: "CheckReport") -> RenderableType:
    said = [Text(output.plain(one["said"])) for one in report["findings"]]
    return Group(*said) if said else Text(f"{output.plain(report['store'])} is sound")

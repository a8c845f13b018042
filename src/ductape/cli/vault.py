"""`ductape vault`: the encryption keys of a store, never shown (SPEC 16, 13)."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from ductape.cli.calling import Call, JsonOption, StoreOption, carried_out
from ductape.cli.drawing import output, tables

if TYPE_CHECKING:  # the engine loads when it is needed
    from ductape.app.maintenance import VaultStatus

app = typer.Typer(no_args_is_help=True, help="Look at the encryption keys and rotate them.")


@app.command()
def status(
    context: typer.Context, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Tell which keys there are and which one seals."""
    from ductape.app import maintenance  # noqa: PLC0415 (the engine loads when it is needed)

    call = Call.of(context, store, as_json=as_json)
    settings = maintenance.settings_for(call.store, call.config)
    found = carried_out(lambda: maintenance.vault_status(settings))
    call.show(found, human=lambda: _keys(found))


@app.command()
def rotate(
    context: typer.Context,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Although live workers do not know the new key.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Seal with a fresh key from now on; the old ones go on opening what they sealed."""
    from ductape.app import maintenance  # noqa: PLC0415 (the engine loads when it is needed)

    call = Call.of(context, store, as_json=as_json)
    settings = maintenance.settings_for(call.store, call.config)
    found = carried_out(lambda: maintenance.rotated(settings, force=force))
    call.show(found, human=lambda: _keys(found))


def _keys(found: "VaultStatus") -> RenderableType:
    columns = [tables.Column("KEY"), tables.Column("SEALS"), tables.Column("WHERE")]
    rows = [
        [
            one["id"],
            "yes" if one["seals"] else "-",
            _where(in_ring=one["in_ring"], seen=one["seen"]),
        ]
        for one in found["keys"]
    ]
    drawn = tables.table(columns, rows, width=output.screen_width())
    return Group(Text(output.plain(f"keys from {found['source']}"), "dim"), drawn)


def _where(*, in_ring: bool, seen: bool) -> str:
    if not in_ring:
        return "missing: the store was sealed with it once"
    return "ring and store" if seen else "ring alone"

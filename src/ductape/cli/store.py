"""`ductape migrate`: bringing a store's schema up to date, and seeing how new it is (SPEC 13)."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from ductape.cli.calling import Call, JsonOption, StoreOption, carried_out
from ductape.cli.drawing import tables

if TYPE_CHECKING:  # the engine loads when it is needed
    from ductape.app.maintenance import SchemaStatus


def migrate(
    context: typer.Context,
    *,
    status: Annotated[bool, typer.Option("--status", help="Only look; change nothing.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the store's schema up to date. Opening a store does the same."""
    from ductape.app import maintenance  # noqa: PLC0415 (the engine loads when it is needed)

    call = Call.of(context, store, as_json=as_json)
    settings = maintenance.settings_for(call.store, call.config)
    look = maintenance.schema_status if status else maintenance.migrated
    found = carried_out(lambda: look(settings))
    call.show(found, human=lambda: _schema(found))


def _schema(found: "SchemaStatus") -> RenderableType:
    number = "there is no database yet" if found["schema"] is None else str(found["schema"])
    return tables.pairs(
        [
            ("store", found["store"]),
            ("schema", number),
            ("newest", str(found["newest"])),
            ("pending", str(found["pending"])),
        ]
    )

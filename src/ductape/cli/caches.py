"""`ductape caches`: what is remembered, and forgetting it (SPEC 7, 13)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from ductape.cli.calling import Call, JsonOption, StoreOption, now_ms, the_product
from ductape.cli.drawing import output, tables, times
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.wire import CacheValueView

if TYPE_CHECKING:  # the engine loads when it is needed
    from ductape import Ductape

app = typer.Typer(no_args_is_help=True, help="Look at remembered results and forget them.")

Tag = Annotated[str, typer.Argument(metavar="TAG", help="The cache's tag.")]
Product = Annotated[
    str | None, typer.Option(metavar="TAG", help="The product; not needed where there is one only.")
]


Event = Annotated[str | None, typer.Option(metavar="TAG", help="Of this event.")]
Kind = Annotated[str | None, typer.Option(help="Of this kind.")]


@app.command()
def values(
    context: typer.Context,
    tag: Tag,
    *,
    product: Product = None,
    event: Event = None,
    kind: Kind = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a cache's live entries."""
    call = Call.of(context, store, as_json=as_json)

    async def found(here: "Ductape") -> list[CacheValueView]:
        return await here.caches.values(await _asked(here, product, tag, event, kind))

    entries = call.ask(found)
    call.show(entries, human=lambda: _entries(entries))


@app.command()
def clear(
    context: typer.Context,
    tag: Tag,
    *,
    product: Product = None,
    event: Event = None,
    kind: Kind = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget a cache's entries."""
    call = Call.of(context, store, as_json=as_json)

    async def cleared(here: "Ductape") -> dict[str, JsonValue]:
        return await here.caches.clear(await _asked(here, product, tag, event, kind))

    answer = call.ask(cleared)
    call.show(answer, human=lambda: f"forgot {answer['count']} entries")


async def _asked(
    here: "Ductape", product: str | None, tag: str, event: str | None, kind: str | None
) -> dict[str, object]:
    return {
        "product_tag": await the_product(here, product),
        "cache_tag": tag,
        "component_tag": event,
        "component_type": kind,
    }


def _entries(entries: Sequence[CacheValueView]) -> RenderableType | None:
    if not entries:
        output.note("nothing is remembered")
        return None
    now = now_ms()
    columns = [
        tables.Column("EVENT"),
        tables.Column("KIND", keep=2),
        tables.Column("EXPIRES"),
        tables.Column("MADE", keep=1),
        tables.Column("VALUE", whole=False),
    ]
    rows = [
        [
            one["component_tag"],
            one["component_type"],
            times.relative(one["expires_at"], now),
            times.relative(one["created_at"], now),
            output.json_text(one["value"]),
        ]
        for one in entries
    ]
    return tables.table(columns, rows, width=output.screen_width())

"""`ductape secrets`: set, listed by name, deleted; a value is never shown (SPEC 6, 13)."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from ductape.cli.calling import Call, JsonOption, StoreOption, the_product
from ductape.cli.drawing import output, tables
from ductape.cli.reading import secret_value

if TYPE_CHECKING:  # the engine loads when it is needed
    from ductape import Ductape
    from ductape.services.secrets import SecretName

app = typer.Typer(no_args_is_help=True, help="Set, list and delete the products' secrets.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `$Secret{NAME}` has it.")]
Product = Annotated[
    str | None, typer.Option(metavar="TAG", help="The product; not needed where there is one only.")
]
Env = Annotated[
    str | None,
    typer.Option(metavar="SLUG", help="For this env alone; it wins over the general one."),
]


@app.command("set")
def set_secret(
    context: typer.Context,
    name: Name,
    *,
    product: Product = None,
    env: Env = None,
    store: StoreOption = None,
) -> None:
    """Set a secret: asked for without showing it, or read from standard input.

    One line break at the end of standard input is not part of the value.
    """
    call = Call.of(context, store)
    value = secret_value(name)

    async def kept(here: "Ductape") -> str:
        owner = await the_product(here, product)
        await here.secrets.set(name, value, product=owner, env=env)
        return owner

    owner = call.ask(kept)
    output.line(f"set {name} of {owner}{f', env {env}' if env else ''}")


@app.command("list")
def list_secrets(
    context: typer.Context,
    *,
    product: Product = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the names of a product's secrets."""
    call = Call.of(context, store, as_json=as_json)

    async def names(here: "Ductape") -> "list[SecretName]":
        return await here.secrets.list(product=await the_product(here, product))

    found = call.ask(names)
    call.show(found, human=lambda: _names(found))


@app.command()
def delete(
    context: typer.Context,
    name: Name,
    *,
    product: Product = None,
    env: Env = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget a secret. One that is not there is no error."""
    call = Call.of(context, store, as_json=as_json)

    async def forgotten(here: "Ductape") -> bool:
        owner = await the_product(here, product)
        return await here.secrets.delete(name, product=owner, env=env)

    was_there = call.ask(forgotten)
    said = f"deleted {name}" if was_there else f"there was no {name}"
    call.show({"deleted": was_there}, human=lambda: output.plain(said))


def _names(found: "list[SecretName]") -> RenderableType | None:
    if not found:
        output.note("there is no secret yet: `ductape secrets set NAME`")
        return None
    columns = [tables.Column("NAME"), tables.Column("ENV")]
    rows = [[one["name"], one["env"] or "every env"] for one in found]
    return tables.table(columns, rows, width=output.screen_width())

"""One invocation of the command: which store, which form of output, and how to ask Ductape.

The global options work before the subcommand and, the usual two, after it too (SPEC 13). Ductape
itself is loaded when it is first asked, so that help and completion stay quick.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from msgspec import Struct
from rich.console import RenderableType

import ductape
from ductape.app.system import SystemClock
from ductape.cli.drawing import output
from ductape.cli.drawing.problems import plain_warnings
from ductape.errors import invalid

T = TypeVar("T")

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="URL", help="The store, as `sqlite:///jobs.db` or `postgresql://…`."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON, in the wire shape, and nothing else.")
]


class Globals(Struct, frozen=True):
    """What stands before the subcommand."""

    store: str | None = None
    config: Path | None = None
    as_json: bool = False


class Call(Struct, frozen=True):
    """One invocation."""

    store: str | None
    config: Path | None
    as_json: bool

    @classmethod
    def of(
        cls, context: typer.Context, store: str | None = None, *, as_json: bool = False
    ) -> "Call":
        """Join the subcommand's options with the global ones: the nearer wins."""
        general = context.find_object(Globals) or Globals()
        return cls(store or general.store, general.config, as_json or general.as_json)

    def ask(self, question: "Callable[[ductape.Ductape], Awaitable[T]]") -> T:
        """Open the store without a worker, ask, and close it; raises `DuctapeError`."""

        async def asked() -> T:
            opened = ductape.Ductape.open(self.store, config=self.config, worker=False)
            async with opened as here:
                return await question(here)

        return carried_out(asked)

    def show(self, value: object, *, human: "Callable[[], RenderableType | None]") -> None:
        """Print an answer: as JSON where that was asked for, else as `human` draws it."""
        if self.as_json:
            output.show_json(value)
            return
        drawn = human()
        if drawn is not None:
            output.show(drawn)


def carried_out(work: Callable[[], Awaitable[T]]) -> T:
    """Run asynchronous work to its end; the library's warnings become plain lines."""

    async def whole() -> T:
        return await work()

    with plain_warnings():
        return asyncio.run(whole())


async def the_product(here: "ductape.Ductape", given: str | None) -> str:
    """Return the product that is meant: the given one, else the store's only one."""
    if given is not None:
        return given
    tags = [one["tag"] for one in await here.products.list()]
    match tags:
        case [only]:
            return only
        case []:
            raise invalid("--product", "a product's tag", "nothing, and the store has none yet")
        case _:
            names = ", ".join(f"`{tag}`" for tag in tags)
            raise invalid("--product", f"one of {names}", "nothing")


def now_ms() -> int:
    """Return this machine's time in epoch milliseconds."""
    return SystemClock().now_ms()


def end(code: int) -> None:
    """End the command with an exit code."""
    raise typer.Exit(code)

"""`ductape sessions`: starting, opening, renewing and ending sessions (SPEC 6, 13).

Tokens come from standard input or a file, so that they stand in no process list; what `start
--json` and `refresh --json` print can be piped into the other verbs as it is.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from ductape.cli.calling import Call, JsonOption, StoreOption, now_ms, the_product
from ductape.cli.drawing import output, tables, times
from ductape.cli.reading import STDIN, object_of, token_of

if TYPE_CHECKING:  # the engine loads when it is needed
    from ductape import Ductape
    from ductape.services.sessions import SessionPair, UsersPage

app = typer.Typer(no_args_is_help=True, help="Start, open, renew and end sessions.")

Product = Annotated[
    str | None, typer.Option(metavar="TAG", help="The product; not needed where there is one only.")
]
Env = Annotated[str, typer.Option(metavar="SLUG", help="The env.")]
Kind = Annotated[str, typer.Option(metavar="TAG", help="Which kind of session.")]
TokenFile = Annotated[
    str, typer.Argument(metavar="FILE", help="Where the token stands; `-` is standard input.")
]
TokenText = Annotated[
    str | None,
    typer.Option(
        "--token", metavar="TOKEN", help="The token itself; others can see it in process lists."
    ),
]


@app.command()
def start(  # noqa: PLR0913 (a session is of a product, an env and a kind)
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The data as JSON or YAML; `-` is stdin.")
    ] = STDIN,
    *,
    env: Env,
    tag: Kind,
    product: Product = None,
    data: Annotated[
        str | None, typer.Option(metavar="JSON", help="The data itself, instead of FILE.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a session and print its two tokens."""
    call = Call.of(context, store, as_json=as_json)
    asked = {"env": env, "tag": tag, "data": object_of(file, data, "data")}

    async def started(here: "Ductape") -> "SessionPair":
        return await here.processor.sessions.start(await _of(here, product, asked))

    pair = call.ask(started)
    _show_pair(call, pair)


@app.command()
def decrypt(  # noqa: PLR0913 (a session is of a product, an env and a kind)
    context: typer.Context,
    file: TokenFile = STDIN,
    *,
    env: Env,
    tag: Kind,
    product: Product = None,
    token: TokenText = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the data of a session token, always as JSON."""
    call = Call.of(context, store, as_json=as_json)
    asked = {"env": env, "tag": tag, "token": token_of(file, token, "token")}

    async def opened(here: "Ductape") -> object:
        return await here.processor.sessions.decrypt(await _of(here, product, asked))

    output.show_json(call.ask(opened))


@app.command()
def refresh(  # noqa: PLR0913 (a session is of a product, an env and a kind)
    context: typer.Context,
    file: TokenFile = STDIN,
    *,
    env: Env,
    tag: Kind,
    product: Product = None,
    token: TokenText = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a refresh token and print a new pair."""
    call = Call.of(context, store, as_json=as_json)
    asked = {"env": env, "tag": tag, "refreshToken": token_of(file, token, "refreshToken")}

    async def renewed(here: "Ductape") -> "SessionPair":
        return await here.processor.sessions.refresh(await _of(here, product, asked))

    pair = call.ask(renewed)
    _show_pair(call, pair)


@app.command()
def revoke(  # noqa: PLR0913 (a session is of a product, an env and a kind)
    context: typer.Context,
    file: TokenFile = STDIN,
    *,
    env: Env,
    tag: Kind,
    product: Product = None,
    token: TokenText = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a session; either of its tokens will do."""
    call = Call.of(context, store, as_json=as_json)
    asked = {"env": env, "tag": tag, "token": token_of(file, token, "token")}

    async def ended(here: "Ductape") -> None:
        await here.processor.sessions.revoke(await _of(here, product, asked))

    call.ask(ended)
    call.show({"revoked": True}, human=lambda: "revoked")


@app.command()
def users(  # noqa: PLR0913 (pages have two options of their own)
    context: typer.Context,
    *,
    tag: Kind,
    env: Annotated[
        str | None, typer.Option(metavar="SLUG", help="The env; all of them if none.")
    ] = None,
    product: Product = None,
    page: Annotated[int, typer.Option(help="Counted from 1.")] = 1,
    limit: Annotated[int, typer.Option(help="How many a page has.")] = 50,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the users seen, latest first; never a token."""
    call = Call.of(context, store, as_json=as_json)
    asked = {"session": tag, "page": page, "limit": limit, **({} if env is None else {"env": env})}

    async def seen(here: "Ductape") -> "UsersPage":
        return await here.processor.sessions.users(await _of(here, product, asked))

    found = call.ask(seen)
    call.show(found, human=lambda: _users(found))


async def _of(
    here: "Ductape", product: str | None, asked: Mapping[str, object]
) -> dict[str, object]:
    return {**asked, "product": await the_product(here, product)}


def _show_pair(call: Call, pair: "SessionPair") -> None:
    """Print the tokens, each whole on its line so that it can be copied."""
    if call.as_json:
        output.show_json(pair)
        return
    output.line(f"token         {pair['token']}")
    output.line(f"refreshToken  {pair['refreshToken']}")


def _users(found: "UsersPage") -> RenderableType | None:
    if not found["users"]:
        output.note("nobody was seen")
        return None
    shown = len(found["users"])
    if found["total"] > shown:
        output.note(f"{shown} of {found['total']}: --page {found['page'] + 1} goes on")
    now = now_ms()
    columns = [
        tables.Column("USER"),
        tables.Column("SESSIONS", right=True),
        tables.Column("LAST SEEN"),
        tables.Column("FIRST SEEN", keep=1),
    ]
    rows = [
        [
            one["identifier"],
            str(one["session_count"]),
            times.relative(one["last_seen"], now),
            times.relative(one["first_seen"], now),
        ]
        for one in found["users"]
    ]
    return tables.table(columns, rows, width=output.screen_width())

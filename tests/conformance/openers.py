"""Every kind of store that the suite proves. A new one is a line in `OPENERS`.

A store of a given kind lives at a place: a fresh folder, in which a file, or whatever else tells
where the data are, may be put. Opening the same place again gives the same data.
"""

import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from ductape.ports.stores import Store
from ductape.stores.postgres.store import open_postgres
from ductape.stores.sqlite.store import open_sqlite
from tests.builders import decide
from tests.servers.moulds import cast, drop
from tests.servers.postgres import URL_VARIABLE

URL_FILE = "url"
"""Tells at a place where its data on the server are."""
SCHEMA = "?schema=proven"
"""Another than the one that a store has by itself."""

Opener = Callable[[Path, str], Awaitable[Store]]
"""Opens the store at a place; the token is new for each opening."""


async def open_threaded(place: Path, token: str) -> Store:
    """Open a file as an application does."""
    return open_sqlite(str(place / "jobs.db"), decide=decide, token=token)


async def open_inline(place: Path, token: str) -> Store:
    """Open a file as a simulation does."""
    return open_sqlite(str(place / "jobs.db"), decide=decide, token=token, inline=True)


async def open_on_server(place: Path, token: str) -> Store:
    """Open a database named after the place, a copy of the mould, on the tests' server."""
    if not (written := place / URL_FILE).exists():
        written.write_text(cast(os.environ[URL_VARIABLE], name_at(place)) + SCHEMA)
    url = written.read_text()
    return await open_postgres(url, decide=decide, token=f"{os.getpid()}-{token}")


def name_at(place: Path) -> str:
    """Return what a database, or a schema, is called that belongs to a place."""
    return re.sub(r"[^a-z0-9_]", "_", place.name.lower())


def make_bare(place: Path) -> None:
    """Have who opens a store on the server find nothing there, not even a schema."""
    url = f"{os.environ[URL_VARIABLE]}?schema={name_at(place)}"
    (place / URL_FILE).write_text(url)


def drop_all(folder: Path) -> None:
    """Remove the databases of every place in a folder."""
    for written in folder.rglob(URL_FILE):
        drop(os.environ[URL_VARIABLE], name_at(written.parent))


OPENERS: dict[str, Opener] = {
    "sqlite": open_threaded,
    "sqlite-inline": open_inline,
    "postgres": open_on_server,
}
SHARED = ("sqlite", "postgres")
"""Those that several processes may have open at once, with hints between them."""

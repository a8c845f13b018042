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
from tests.servers.postgres import URL_VARIABLE

Opener = Callable[[Path, str], Awaitable[Store]]
"""Opens the store at a place; the token is new for each opening."""


async def open_threaded(place: Path, token: str) -> Store:
    """Open a file as an application does."""
    return open_sqlite(str(place / "jobs.db"), decide=decide, token=token)


async def open_inline(place: Path, token: str) -> Store:
    """Open a file as a simulation does."""
    return open_sqlite(str(place / "jobs.db"), decide=decide, token=token, inline=True)


async def open_on_server(place: Path, token: str) -> Store:
    """Open a schema named after the place, on the server that the tests have started."""
    schema = re.sub(r"[^a-z0-9_]", "_", place.name)
    url = f"{os.environ[URL_VARIABLE]}?schema={schema}"
    return await open_postgres(url, decide=decide, token=f"{os.getpid()}-{token}")


OPENERS: dict[str, Opener] = {
    "sqlite": open_threaded,
    "sqlite-inline": open_inline,
    "postgres": open_on_server,
}
SHARED = ("sqlite", "postgres")
"""Those that several processes may have open at once, with hints between them."""

"""Every kind of store that the suite proves. A new one is a line in `OPENERS`.

A store of a given kind lives at a place: a fresh folder, in which a file, or whatever else tells
where the data are, may be put. Opening the same place again gives the same data.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from ductape.ports.stores import Store
from ductape.stores.sqlite.store import open_sqlite
from tests.builders import decide

Opener = Callable[[Path, str], Awaitable[Store]]
"""Opens the store at a place; the token is new for each opening."""


async def open_threaded(place: Path, token: str) -> Store:
    """Open a file as an application does."""
    return open_sqlite(str(place / "jobs.db"), decide=decide, token=token)


async def open_inline(place: Path, token: str) -> Store:
    """Open a file as a simulation does."""
    return open_sqlite(str(place / "jobs.db"), decide=decide, token=token, inline=True)


OPENERS: dict[str, Opener] = {"sqlite": open_threaded, "sqlite-inline": open_inline}
SHARED = ("sqlite",)
"""Those that several processes may have open at once, with hints between them."""

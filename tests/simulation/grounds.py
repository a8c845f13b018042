"""The stores that a world may stand on, each the real one, in virtual time.

Instants are seconds of the monotonic clock, or epoch milliseconds where it is said.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import apsw

from ductape.app.configuration.settings import Settings
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.stores.sqlite.settling import Decide
from ductape.stores.sqlite.store import open_sqlite
from tests.simulation.audit import in_sqlite
from tests.simulation.witness import View

MEMORY = Path("/dev/shm")  # noqa: S108 (a folder in memory, where there is one: commits cost less)


class Ground(Protocol):
    """A store without anything in it."""

    settings: dict[str, object]
    """What a process opens it by."""

    def clock(self, world: Clock) -> Clock:
        """Give the clock of one more machine, which this store may not go by."""
        ...

    async def open(self, settings: Settings, *, decide: Decide, token: str) -> Store:
        """Open it for one process, everything of it on the virtual loop."""
        ...

    def view(self) -> View:
        """Have triggers note what happens from now on; give a look at it past the engine."""
        ...


class FileGround:
    """A SQLite file."""

    def __init__(self, folder: Path) -> None:
        """Stand in a folder."""
        self._path = str(folder / "world.db")
        self.settings: dict[str, object] = {"store": f"sqlite:///{self._path}"}

    def clock(self, world: Clock) -> Clock:
        """All who use a file are on one machine."""
        return world

    async def open(self, settings: Settings, *, decide: Decide, token: str) -> Store:
        """Open the file; its steps run where they are called."""
        del settings
        return open_sqlite(self._path, decide=decide, token=token, inline=True)

    def view(self) -> View:
        """Look through a connection of its own."""
        connection: Any = apsw.Connection(self._path)
        connection.set_busy_timeout(1_000)
        connection.execute("PRAGMA synchronous = OFF")
        for statement in in_sqlite():
            connection.execute(statement)

        def change(sql: str) -> int:
            connection.execute(sql)
            return connection.changes()

        return View(
            ask=lambda sql: connection.execute(sql).fetchall(),
            change=change,
            close=connection.close,
            repeat="spec ->> '$.repeat.{0}'",
        )


@contextmanager
def file_ground() -> Generator[Ground]:
    """Give a fresh file, in memory where that can be had."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield FileGround(Path(folder))

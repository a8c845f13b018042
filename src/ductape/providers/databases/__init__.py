"""The databases of products: connections for each database of each product and env.

What speaks to a server is imported where it is first needed: it comes with an extra.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ductape.domain.database_place import Place
from ductape.domain.egress import EgressPolicy
from ductape.errors import ConfigError
from ductape.ports.database import Answer, Bounds, DocumentWork, SqlWork, Whose
from ductape.providers.databases.sqlite.confined_files import FileRules
from ductape.providers.databases.sqlite.database import SqliteFile

__all__ = ["FileRules", "PooledDatabases"]

MOST_THREADS = 16
"""For SQLite, which blocks."""

FORGOTTEN_S = 3_600
"""How long a database is remembered that nobody uses: no version may name it any more."""


class Closable(Protocol):
    """What is kept open for one database."""

    async def aclose(self) -> None:
        """Close its connections; those that are lent close as they come back."""
        ...


class SqlDatabase(Closable, Protocol):
    """One SQL database."""

    async def sql(self, work: SqlWork, bounds: Bounds) -> Answer:
        """Execute statements in one transaction."""
        ...


class DocumentDatabase(Closable, Protocol):
    """One MongoDB database."""

    async def documents(self, work: DocumentWork, bounds: Bounds) -> Answer:
        """Do operations on a collection."""
        ...


D = TypeVar("D", bound=Closable)


@dataclass
class Kept:
    """What is open, for which definition, and whether anybody uses it."""

    place: Place
    database: Closable
    used_s: float
    """When it was used last, by the event loop's time."""
    users: int = 0


class PooledDatabases:
    """`ports.database.Databases` over the databases' own drivers."""

    def __init__(self, policy: EgressPolicy, files: FileRules) -> None:
        """Take what the operator allows; connect to nothing yet."""
        self._policy = policy
        self._files = files
        self._kept: dict[Whose, Kept] = {}
        self._threads: ThreadPoolExecutor | None = None

    async def sql(self, whose: Whose, place: Place, work: SqlWork, bounds: Bounds) -> Answer:
        """Execute statements and commit."""
        async with self._used(whose, place, self._sql_database) as database:
            return await database.sql(work, bounds)

    async def documents(
        self, whose: Whose, place: Place, work: DocumentWork, bounds: Bounds
    ) -> Answer:
        """Do operations on a collection."""
        async with self._used(whose, place, self._document_database) as database:
            return await database.documents(work, bounds)

    async def aclose(self) -> None:
        """Close every connection; twice is harmless."""
        while self._kept:
            _, kept = self._kept.popitem()
            await kept.database.aclose()
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    @asynccontextmanager
    async def _used(
        self, whose: Whose, place: Place, make: Callable[[Place], D]
    ) -> AsyncGenerator[D]:
        """Lend what is kept for a database; what was kept for another definition is let go."""
        kept = self._kept.get(whose)
        if kept is None or kept.place != place:
            kept = await self._made(whose, Kept(place, make(place), _now_s()))
        kept.users += 1
        try:
            yield kept.database  # pyright: ignore[reportReturnType] (one type a place)
        finally:
            kept.users -= 1
            kept.used_s = _now_s()

    async def _made(self, whose: Whose, made: Kept) -> Kept:
        """Keep another one; let go what it replaces, and what nobody has used for long."""
        replaced = self._kept.get(whose)
        self._kept[whose] = made
        made.users += 1  # others may come while these are closed
        try:
            if replaced is not None:
                await replaced.database.aclose()
            await self._forget(made.used_s - FORGOTTEN_S)
        finally:
            made.users -= 1
        return made

    async def _forget(self, used_before_s: float) -> None:
        """Close what was used before an instant and never since."""
        for whose, kept in list(self._kept.items()):
            unused = kept.users == 0 and kept.used_s < used_before_s
            if unused and self._kept.get(whose) is kept:
                del self._kept[whose]
                await kept.database.aclose()

    def _sql_database(self, place: Place) -> SqlDatabase:
        if place.type == "sqlite":
            if self._threads is None:
                self._threads = ThreadPoolExecutor(MOST_THREADS, "ductape-sqlite")
            return SqliteFile(place, self._files, self._threads)
        if place.type == "postgresql":
            with _extra("postgres"):
                from ductape.providers.databases.postgres.database import PostgresDatabase  # noqa: PLC0415
            return PostgresDatabase(place, self._policy)
        with _extra("mysql"):
            from ductape.providers.databases.mysql.database import MysqlDatabase  # noqa: PLC0415
        return MysqlDatabase(place, self._policy)

    def _document_database(self, place: Place) -> DocumentDatabase:
        with _extra("mongo"):
            from ductape.providers.databases.mongo.database import MongoDatabase  # noqa: PLC0415
        return MongoDatabase(place, self._policy)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


@contextmanager
def _extra(name: str) -> Generator[None]:
    """Say which extra is missing where a driver cannot be imported."""
    try:
        yield
    except ImportError as error:
        installs = f"pip install 'ductape-jobs[{name}]'"
        said = f"databases: this type of database needs the extra `{name}`: {installs} ({error})"
        raise ConfigError(said, path="databases", hint=installs) from error

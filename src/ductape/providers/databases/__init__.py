"""The databases of products: connections for each database of each product and env.

What speaks to a server is imported where it is first needed: it comes with an extra.
"""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

from msgspec import Struct

from ductape.domain.database_place import Place
from ductape.domain.egress import EgressPolicy
from ductape.errors import ConfigError
from ductape.ports.database import Answer, Bounds, DocumentWork, SqlWork, Whose
from ductape.providers.databases.sqlite.confined_files import FileRules
from ductape.providers.databases.sqlite.database import SqliteFile

__all__ = ["FileRules", "PooledDatabases"]

MOST_THREADS = 16
"""For SQLite, which blocks."""


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


class Kept(Struct, frozen=True):
    """What is open, and for which definition."""

    place: Place
    database: Closable


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
        database = await self._open(whose, place, self._sql_database)
        return await database.sql(work, bounds)

    async def documents(
        self, whose: Whose, place: Place, work: DocumentWork, bounds: Bounds
    ) -> Answer:
        """Do operations on a collection."""
        database = await self._open(whose, place, self._document_database)
        return await database.documents(work, bounds)

    async def aclose(self) -> None:
        """Close every connection; twice is harmless."""
        while self._kept:
            _, kept = self._kept.popitem()
            await kept.database.aclose()
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    async def _open(self, whose: Whose, place: Place, make: Callable[[Place], D]) -> D:
        """Return what is kept for a database; what was kept for another definition is let go."""
        kept = self._kept.get(whose)
        if kept is not None and kept.place == place:
            return kept.database  # pyright: ignore[reportReturnType] (one type a place)
        database = make(place)
        self._kept[whose] = Kept(place, database)
        if kept is not None:
            await kept.database.aclose()
        return database

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


@contextmanager
def _extra(name: str) -> Generator[None]:
    """Say which extra is missing where a driver cannot be imported."""
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"databases: this type of database needs the extra `{name}` ({error})",
            path="databases",
            hint=f"pip install 'ductape-jobs[{name}]'",
        ) from error

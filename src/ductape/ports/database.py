"""What is done in the databases of products; bounded in time and in size."""

from typing import Literal, Protocol

from msgspec import Struct

from ductape.domain.database_place import Place
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.templates.sql import Statement


class Whose(Struct, frozen=True):
    """Which database of which product and env: each has connections of its own."""

    product: str
    env: str
    database: str


class Bounds(Struct, frozen=True):
    """How much one action may take."""

    timeout_ms: int
    """On the server too: what takes longer is cancelled there."""
    max_bytes: int
    """Of the rows as JSON: reading stops where there are more."""


class SqlWork(Struct, frozen=True):
    """Statements that are done in one transaction, all or none."""

    statements: tuple[Statement, ...]
    reads_only: bool
    """Whether the transaction may not write."""


class DocumentWork(Struct, frozen=True):
    """One operation on a collection of MongoDB."""

    action: Literal["read", "create", "update", "delete", "aggregate"]
    templates: tuple[JsonObject, ...]
    """Filled; several of a `create` are inserted at once, others one after the other."""


class Answer(Struct, frozen=True):
    """What came of it, as JSON."""

    count: int
    """Rows read, or rows that were written."""
    rows: list[JsonObject] | None
    """None where a write returns none."""


class Databases(Protocol):
    """Pooled connections to databases that the operator allows."""

    async def sql(self, whose: Whose, place: Place, work: SqlWork, bounds: Bounds) -> Answer:
        """Execute statements and commit.

        Raises `ProviderError` with a code of SPEC 12, `ResultTooLarge`, or `ConfigError` where
        the extra for the type of database is not installed.
        """
        ...

    async def documents(
        self, whose: Whose, place: Place, work: DocumentWork, bounds: Bounds
    ) -> Answer:
        """Do operations on a collection; raises as `sql` does."""
        ...

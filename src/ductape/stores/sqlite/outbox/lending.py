"""`ductape.transaction()` on SQLite: the caller's rows and our jobs in one transaction (SPEC 10).

Only a connection that is lent here will do. Another SQLite library in the same process must never
open the store's file: closing it would drop the locks that this one holds on the file.
"""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from ductape.errors import invalid
from ductape.ports.stores.transactions import Parameters
from ductape.ports.wake import Hint, Wake
from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.engine import Engine, Step
from ductape.stores.sqlite.file.loan import Loan
from ductape.stores.sqlite.outbox.guarding import Guard

T = TypeVar("T")


class SqliteLent:
    """A connection lent for one transaction."""

    def __init__(self, engine: Engine, loan: Loan) -> None:
        """Work in a loan of an engine's."""
        self._engine = engine
        self._loan = loan
        self.told: set[Hint] = set()
        """What is to be hinted at once it is committed."""

    def is_of(self, engine: Engine) -> bool:
        """Tell whether it is a transaction of that file, opened there."""
        return self._engine is engine

    async def execute(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Run a statement (placeholders `?` or `:name`); return its rows.

        Raises `ValidationError` for what the block must not do, or once it is over; `StoreError`.
        """
        return await self._loan.run(lambda c: Guard().run(c, sql, parameters, many=False))

    async def executemany(self, sql: str, parameters: Iterable[Parameters]) -> None:
        """Run a statement once for each set of parameters; raises what `execute` raises."""
        given = list(parameters)
        await self._loan.run(lambda c: Guard().run(c, sql, given, many=True))

    async def whole(self, step: Step[T]) -> T:
        """Run a step of the store's: all of it, or none where it raises."""
        return await self._loan.run(lambda c: _whole(c, step))


class SqliteTransactions:
    """Where connections are lent."""

    def __init__(self, engine: Engine, wake: Wake) -> None:
        """Lend the writer of an engine."""
        self._engine = engine
        self._wake = wake

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[SqliteLent]:
        """Open a transaction: committed at the end of the block, undone by an exception."""
        async with self._engine.lend() as loan:
            lent = SqliteLent(self._engine, loan)
            yield lent
        for hint in lent.told:
            self._wake.tell(hint)


def lent_by(engine: Engine, transaction: object) -> SqliteLent:
    """Return a transaction of the store's own; raises `ValidationError` for any other."""
    if isinstance(transaction, SqliteLent) and transaction.is_of(engine):
        return transaction
    kind = type(transaction)
    found = f"one of `{kind.__module__}.{kind.__qualname__}`"
    raise invalid(
        "transaction",
        "what `ductape.transaction()` of this store lends",
        "one of another store" if isinstance(transaction, SqliteLent) else found,
        hint="a second SQLite library must never open the store's file: closing it drops the "
        "file's locks; use `async with ductape.transaction() as tx`",
    )


def _whole(connection: Connection, step: Step[T]) -> T:
    connection.execute("SAVEPOINT ductape_step")
    try:
        answer = step(connection)
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO ductape_step")
            connection.execute("RELEASE ductape_step")
        raise
    connection.execute("RELEASE ductape_step")
    return answer

"""Writing jobs on a caller's own connection, inside the caller's transaction (SPEC 10, outbox).

Nothing here commits or rolls back what is the caller's. All is done behind a savepoint, so that
whatever is refused or fails leaves the transaction as it was. Statements name their schema, so the
caller's `search_path` does not matter, and none is kept prepared on a connection that is not ours.

A blocking connection is used in a thread, the whole step in one go: the event loop turns meanwhile,
and whoever brought the connection waits.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus

from ductape.errors import ValidationError, invalid
from ductape.stores.postgres.outbox.callers import Borrowed, connection_of, refuse_unfit
from ductape.stores.postgres.rows.values import Row
from ductape.stores.postgres.server.engine import Engine, Step
from ductape.stores.postgres.server.faults import explain
from ductape.stores.postgres.server.lines import AsyncLine, BlockingLine
from ductape.stores.postgres.server.transaction import Transaction

T = TypeVar("T")


class _Elsewhere(Exception):
    """The connection leads to another database than the store's."""

    def __init__(self, place: Row | None) -> None:
        super().__init__()
        self.place = place


class Borrowing:
    """Runs steps in callers' transactions."""

    def __init__(self, engine: Engine) -> None:
        """Write what belongs to an engine's database."""
        self._engine = engine
        self._home: Row | None = None
        self._turns: WeakKeyDictionary[Borrowed, asyncio.Lock] = WeakKeyDictionary()

    async def run(self, transaction: object, step: Step[T]) -> T:
        """Run a step in a caller's open transaction: all of it, or none where it raises.

        Raises `ValidationError` at `transaction` where it will not do, `StoreError`.
        """
        connection = await connection_of(transaction)
        async with self._turns.setdefault(connection, asyncio.Lock()):
            try:
                return await self._at_home(connection, step)
            except psycopg.Error as error:
                raise explain(error, self._engine.address.shown) from error

    async def _at_home(self, connection: Borrowed, step: Step[T]) -> T:
        home = self._home or await self._look_home()
        try:
            return await self._within(connection, step, home)
        except _Elsewhere as elsewhere:
            # Since we looked, our server may have been started again.
            home = await self._look_home()
            if elsewhere.place != home:
                raise self._not_ours(elsewhere.place, home) from None
        return await self._within(connection, step, home)

    async def _within(self, connection: Borrowed, step: Step[T], home: Row | None) -> T:
        refuse_unfit(connection)
        match connection:
            case AsyncConnection():
                line = AsyncLine(connection, prepare=False)
                return await _saved(connection, self._on(line), step, home)
            case _:
                line = BlockingLine(connection)
                return await _in_thread(connection, _saved(connection, self._on(line), step, home))

    def _on(self, line: AsyncLine | BlockingLine) -> Transaction:
        return Transaction(line, self._engine.statements)

    async def _look_home(self) -> Row | None:
        self._home = await self._engine.single(lambda t: t.row("outbox", "place"))
        return self._home

    def _not_ours(self, place: Row | None, home: Row | None) -> ValidationError:
        there, here = (None if one is None else one[2] for one in (place, home))
        return invalid(
            "transaction",
            f"a connection to the store's own database `{here}`",
            f"one to the database `{there}`" + (" of another server" if here == there else ""),
            hint=f"connect to {self._engine.address.shown}",
        )


async def _saved(
    connection: Borrowed, transaction: Transaction, step: Step[T], home: Row | None
) -> T:
    """Run a step behind a savepoint."""
    await transaction.change("outbox", "save")
    try:
        await _refuse_elsewhere(transaction, home)
        answer = await step(transaction)
    except BaseException:
        if connection.info.transaction_status in (
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
        ):
            await transaction.change("outbox", "undo")
            await transaction.change("outbox", "keep")
        raise
    await transaction.change("outbox", "keep")
    return answer


async def _refuse_elsewhere(transaction: Transaction, home: Row | None) -> None:
    place = await transaction.row("outbox", "place")
    if place != home:
        raise _Elsewhere(place)


async def _in_thread(connection: psycopg.Connection[Any], work: Coroutine[Any, Any, T]) -> T:
    """Run to its end, in a thread, what awaits nothing but a blocking connection.

    Whoever is cancelled meanwhile has the statement cancelled, and goes only when the thread has
    left the connection.
    """
    task = asyncio.create_task(asyncio.to_thread(_driven, work), name="ductape-borrowed")
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_is_seen)
        try:
            await asyncio.to_thread(connection.cancel_safe)
        finally:
            await asyncio.wait([task])
        raise


def _is_seen(task: "asyncio.Task[Any]") -> None:
    """Take note of an answer that nobody waits for any more."""
    if not task.cancelled():
        task.exception()


def _driven(work: Coroutine[Any, Any, T]) -> T:
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise RuntimeError("a step on a blocking connection waited for the event loop")

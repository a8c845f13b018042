"""The connections that a caller may bring: psycopg's own, or SQLAlchemy's over psycopg.

SQLAlchemy is known by the names of its classes and what they offer; it is never imported here.
"""

import asyncio
from typing import Any, Protocol, cast

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import PipelineStatus, TransactionStatus

from ductape.errors import ValidationError, invalid
from ductape.stores.postgres.outbox.lending import PostgresLent

Borrowed = AsyncConnection[Any] | psycopg.Connection[Any]

ACCEPTED = (
    "a psycopg connection, a SQLAlchemy session or connection over psycopg, or what "
    "`ductape.transaction()` lends"
)


class _Pooled(Protocol):
    """SQLAlchemy's `PoolProxiedConnection`."""

    @property
    def driver_connection(self) -> object: ...


class _Connection(Protocol):
    """SQLAlchemy's `Connection`."""

    @property
    def connection(self) -> _Pooled: ...
    def in_transaction(self) -> bool: ...
    def begin(self) -> object: ...


class _Session(Protocol):
    """SQLAlchemy's `Session`."""

    def connection(self) -> _Connection: ...


class _AsyncConnection(Protocol):
    """SQLAlchemy's `AsyncConnection`."""

    async def get_raw_connection(self) -> _Pooled: ...
    def in_transaction(self) -> bool: ...
    def begin(self) -> "_AsyncTransaction": ...


class _AsyncTransaction(Protocol):
    """SQLAlchemy's `AsyncTransaction`."""

    async def start(self) -> object: ...


class _AsyncSession(Protocol):
    """SQLAlchemy's `AsyncSession`."""

    async def connection(self) -> _AsyncConnection: ...


async def connection_of(transaction: object) -> Borrowed:
    """Return the psycopg connection of a caller's transaction.

    SQLAlchemy begins its own where none is open yet, as it does at any first statement; what it
    raises is told as it is. Raises `ValidationError` for anything that is none of these.
    """
    match transaction:
        case AsyncConnection() | psycopg.Connection():
            return cast("Borrowed", transaction)
        case PostgresLent():
            return transaction.lent()
        case _:
            return _psycopgs(transaction, await _drivers(transaction))


def refuse_unfit(connection: Borrowed) -> None:
    """Refuse a connection on which no statement of a transaction can be run now."""
    info = connection.info
    if connection.closed:
        raise _unfit("an open connection", "a closed one")
    if info.pipeline_status is not PipelineStatus.OFF:
        raise _unfit("a connection outside of a pipeline", "one in pipeline mode")
    match info.transaction_status:
        case TransactionStatus.INTRANS:
            return
        case TransactionStatus.IDLE if not connection.autocommit:
            return  # the first statement begins one
        case TransactionStatus.IDLE:
            raise _unfit(
                "an open transaction",
                "a connection in autocommit mode, outside of any",
                hint="make the call inside `with connection.transaction():`",
            )
        case TransactionStatus.INERROR:
            raise _unfit(
                "a transaction that can go on",
                "one in which a statement has failed",
                hint="roll it back, or back to a savepoint, first",
            )
        case _:
            raise _unfit("a connection at rest", "one that is executing a statement")


async def _drivers(transaction: object) -> object:
    """Return what is at the bottom of a SQLAlchemy object: the driver's own connection."""
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(transaction).__mro__}
    if "sqlalchemy.ext.asyncio.session.AsyncSession" in names:
        return await _under_async(await cast("_AsyncSession", transaction).connection())
    if "sqlalchemy.ext.asyncio.engine.AsyncConnection" in names:
        return await _under_async(cast("_AsyncConnection", transaction))
    if "sqlalchemy.orm.session.Session" in names:
        session = cast("_Session", transaction)
        return await asyncio.to_thread(lambda: _under(session.connection()))
    if "sqlalchemy.engine.base.Connection" in names:
        return await asyncio.to_thread(_under, cast("_Connection", transaction))
    if any(name.endswith("scoped_session") for name in names):
        raise _unfit(ACCEPTED, "a registry of sessions", hint="call it: `transaction=registry()`")
    raise _foreign(transaction)


async def _under_async(connection: _AsyncConnection) -> object:
    if not connection.in_transaction():
        await connection.begin().start()
    return (await connection.get_raw_connection()).driver_connection


def _under(connection: _Connection) -> object:
    if not connection.in_transaction():
        connection.begin()
    return connection.connection.driver_connection


def _psycopgs(transaction: object, found: object) -> Borrowed:
    if isinstance(found, AsyncConnection | psycopg.Connection):
        return cast("Borrowed", found)
    raise _unfit(
        ACCEPTED,
        f"`{_kind(transaction)}` over `{_kind(found)}`",
        hint="make the engine from `postgresql+psycopg://`",
    )


def _foreign(transaction: object) -> ValidationError:
    return _unfit(ACCEPTED, f"`{_kind(transaction)}`")


def _unfit(expected: str, found: str, *, hint: str | None = None) -> ValidationError:
    return invalid("transaction", expected, found, hint=hint)


def _kind(found: object) -> str:
    return f"{type(found).__module__}.{type(found).__qualname__}"

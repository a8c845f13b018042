"""Bringing a database up to date, under a lock; and seeing how new it is, changing nothing.

Many processes may open a fresh database at the same moment. One that is up to date is only read, so
that opening takes no rights to change the schema. A newer one is worked on if it says that it
serves this version; a migration ends the leases of workers that it leaves behind (SPEC 11).
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg
from msgspec import Struct

from ductape.domain.schema import StoreSchema, oldest_after, refuse_outlived
from ductape.errors import StoreError
from ductape.stores.postgres.rows.values import Values
from ductape.stores.postgres.schema.days import make_days
from ductape.stores.postgres.server.address import Address, address_of
from ductape.stores.postgres.server.connecting import connect
from ductape.stores.postgres.server.faults import OLDEST_SERVER, explain
from ductape.stores.postgres.server.lines import AsyncLine
from ductape.stores.postgres.server.locks import UNBOUNDED, begun, bounded, locked_out
from ductape.stores.postgres.server.patience import watched
from ductape.stores.postgres.server.poolers import is_pooled
from ductape.stores.postgres.server.statements import Statements, known_schema, migrations
from ductape.stores.postgres.server.transaction import Connection, Transaction

MOST_TRIES = 50
PAUSE_S = 0.02

FIRST_AHEAD = 1
"""How many days of history are made beside today's; the upkeep goes on from there."""

_RACES = (
    psycopg.errors.DuplicateSchema,
    psycopg.errors.DuplicateTable,
    psycopg.errors.UniqueViolation,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.InternalError,  # "tuple concurrently updated", of two that make one schema
)
"""What `IF NOT EXISTS` may still say when two make the same thing at once."""

_NOTHING_YET = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)


class _Applied(Struct, frozen=True):
    """A migration that a database has had."""

    checksum: str
    oldest: int


def newest_schema() -> int:
    """Return the number of the newest migration that this version knows."""
    return known_schema().number


async def schema_of(url: str) -> StoreSchema | None:
    """Return how new a database's schema is; none where there is none of ours.

    Changes nothing. Raises `StoreError` or `ConfigError`.
    """
    address = address_of(url)
    connection = await connect(address, pooled=True)
    transaction = Transaction(AsyncLine(connection), Statements(address.schema))
    try:
        await _bound_if_ours(connection)
        applied = await _applied(connection, transaction)
    except psycopg.errors.LockNotAvailable as error:
        raise await locked_out(error, transaction, address.shown) from error
    except psycopg.Error as error:
        raise explain(error, address.shown) from error
    finally:
        await connection.close()
    return _schema(applied)


async def migrate(url: str) -> StoreSchema:
    """Bring a database up to date; return how new it is then.

    Raises `StoreError` or `ConfigError`.
    """
    address = address_of(url)
    connection = await connect(address, pooled=True)
    try:
        return await bring_up_to_date(connection, address)
    finally:
        await connection.close()


async def bring_up_to_date(connection: Connection, address: Address) -> StoreSchema:
    """Apply what is missing; refuse a server that is too old and a schema that is not ours.

    Returns how new the schema is: newer, perhaps, than this version.
    """
    transaction = Transaction(AsyncLine(connection), Statements(address.schema))
    try:
        return await _brought_up_to_date(connection, transaction, address)
    except psycopg.errors.LockNotAvailable as error:
        raise await locked_out(error, transaction, address.shown) from error
    except psycopg.Error as error:
        raise explain(error, address.shown) from error


async def _brought_up_to_date(
    connection: Connection, transaction: Transaction, address: Address
) -> StoreSchema:
    _refuse_old_server(connection, address)
    _refuse_other_encoding(connection, address)
    with watched(connection):
        await _bound_if_ours(connection)
        applied = await _applied(connection, transaction)
    _refuse_other_schema(applied, address)
    found = _schema(applied)
    if found is not None and found.number >= newest_schema():
        return found
    await _apply_at_last(connection, transaction)
    return known_schema()


async def _apply_at_last(connection: Connection, transaction: Transaction) -> None:
    for _ in range(MOST_TRIES):
        try:
            return await _apply_missing(connection, transaction)
        except _RACES:
            await asyncio.sleep(PAUSE_S)
    return await _apply_missing(connection, transaction)


async def _apply_missing(connection: Connection, transaction: Transaction) -> None:
    statements = transaction.statements
    async with _bounded(connection):
        await connection.execute(statements.named("migrations", "make"))
    async with _bounded(connection):
        await connection.execute(statements.named("migrations", "lock"))
        applied = await _rows_applied(transaction)
        await connection.execute(UNBOUNDED)
        for number, name, sql, text in statements.migrations():
            if number not in applied:
                await connection.execute(sql)
                noted: Values = {
                    "number": number,
                    "name": name,
                    "checksum": _digest(text),
                    "oldest": oldest_after(text),
                }
                await transaction.change("migrations", "note", noted)
        await transaction.change("workers", "end_leases", {"oldest": known_schema().oldest})
        await make_days(transaction, await transaction.cell("jobs", "now"), ahead=FIRST_AHEAD)


async def _applied(connection: Connection, transaction: Transaction) -> dict[int, _Applied]:
    """Return the migrations that were applied, by number."""
    try:
        async with _bounded(connection):
            return await _rows_applied(transaction)
    except _NOTHING_YET:
        return {}


async def _rows_applied(transaction: Transaction) -> dict[int, _Applied]:
    rows = await transaction.rows("migrations", "applied")
    return {number: _Applied(checksum, oldest) for number, checksum, oldest in rows}


def _schema(applied: dict[int, _Applied]) -> StoreSchema | None:
    if not applied:
        return None
    return StoreSchema(max(applied), max(one.oldest for one in applied.values()))


async def _bound_if_ours(connection: Connection) -> None:
    """Bound the waits of a connection that nobody shares.

    What a transaction sets for itself holds no more once a statement has failed: where silence is
    ended at once, it could not be undone any more.
    """
    if not await is_pooled(connection):
        await connection.execute(bounded(connection.info.server_version, local=False))


@asynccontextmanager
async def _bounded(connection: Connection) -> AsyncGenerator[None]:
    """Open a transaction whose waits are bounded; commit it, or undo it where the block raises."""
    try:
        await connection.execute(begun(connection.info.server_version))
        yield
        await connection.commit()
    finally:
        if not connection.closed:
            await connection.rollback()


def _refuse_other_encoding(connection: Connection, address: Address) -> None:
    """Refuse a database that cannot hold every text; a pooler may not tell."""
    told = connection.pgconn.parameter_status(b"server_encoding")
    if told not in (None, b"UTF8"):
        raise StoreError(
            f"the database's encoding is {told.decode()}; only UTF8 holds every text",
            path=address.shown,
            hint="make one with `createdb --template template0 --encoding UTF8`",
        )


def _refuse_old_server(connection: Connection, address: Address) -> None:
    version = connection.info.server_version
    if version < OLDEST_SERVER:
        raise StoreError(
            f"the server is PostgreSQL {version // 10_000}; 15 is the oldest that will do",
            path=address.shown,
            hint="upgrade the server",
        )


def _refuse_other_schema(applied: dict[int, _Applied], address: Address) -> None:
    found = _schema(applied)
    if found is not None:
        refuse_outlived(found, newest_schema(), address.shown)
    for number, name, text in migrations():
        if number in applied and applied[number].checksum != _digest(text):
            raise StoreError(
                f"the database was made by another migration {number:04d} than this `{name}`",
                path=address.shown,
                hint="use the version of ductape-jobs that made it, or another schema",
            )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

"""Bringing a database up to date, under a lock; and seeing how new it is, changing nothing.

Many processes may open a fresh database at the same moment. One that is up to date is only read, so
that opening takes no rights to change the schema.
"""

import asyncio
import hashlib

import psycopg

from ductape.errors import StoreError
from ductape.stores.postgres.address import Address, address_of
from ductape.stores.postgres.days import make_days
from ductape.stores.postgres.engine import connect
from ductape.stores.postgres.faults import OLDEST_SERVER, explain
from ductape.stores.postgres.lines import AsyncLine
from ductape.stores.postgres.locks import bounded, locked_out
from ductape.stores.postgres.statements import Statements, migrations
from ductape.stores.postgres.transaction import Connection, Transaction

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


def newest_schema() -> int:
    """Return the number of the newest migration that this version knows."""
    return migrations()[-1][0]


async def schema_of(url: str) -> int | None:
    """Return the number of a database's newest migration; none where there is none of ours.

    Changes nothing. Raises `StoreError` or `ConfigError`.
    """
    address = address_of(url)
    connection = await connect(address, pooled=True)
    transaction = Transaction(AsyncLine(connection), Statements(address.schema))
    try:
        applied = await _applied(connection, transaction)
    except psycopg.errors.LockNotAvailable as error:
        raise await locked_out(error, transaction, address.shown) from error
    except psycopg.Error as error:
        raise explain(error, address.shown) from error
    finally:
        await connection.close()
    return max(applied, default=None)


async def migrate(url: str) -> int:
    """Bring a database up to date; return its schema's number.

    Raises `StoreError` or `ConfigError`.
    """
    address = address_of(url)
    connection = await connect(address, pooled=True)
    try:
        return await bring_up_to_date(connection, address)
    finally:
        await connection.close()


async def bring_up_to_date(connection: Connection, address: Address) -> int:
    """Apply what is missing; refuse a server that is too old and a schema that is not ours."""
    transaction = Transaction(AsyncLine(connection), Statements(address.schema))
    try:
        return await _brought_up_to_date(connection, transaction, address)
    except psycopg.errors.LockNotAvailable as error:
        raise await locked_out(error, transaction, address.shown) from error
    except psycopg.Error as error:
        raise explain(error, address.shown) from error


async def _brought_up_to_date(
    connection: Connection, transaction: Transaction, address: Address
) -> int:
    _refuse_old_server(connection, address)
    applied = await _applied(connection, transaction)
    _refuse_other_schema(applied, address)
    if max(applied, default=0) < newest_schema():
        await _apply_at_last(connection, transaction)
    return newest_schema()


async def _apply_at_last(connection: Connection, transaction: Transaction) -> None:
    for _ in range(MOST_TRIES):
        try:
            return await _apply_missing(connection, transaction)
        except _RACES:
            await asyncio.sleep(PAUSE_S)
    return await _apply_missing(connection, transaction)


async def _apply_missing(connection: Connection, transaction: Transaction) -> None:
    statements = transaction.statements
    async with connection.transaction():
        await connection.execute(bounded(local=True))
        await connection.execute(statements.named("migrations", "make"))
    async with connection.transaction():
        await connection.execute(bounded(local=True))
        await connection.execute(statements.named("migrations", "lock"))
        applied = await _rows_applied(transaction)
        for number, name, sql, text in statements.migrations():
            if number not in applied:
                await connection.execute(sql)
                noted = {"number": number, "name": name, "checksum": _digest(text)}
                await transaction.change("migrations", "note", noted)
        await make_days(transaction, await transaction.cell("jobs", "now"), ahead=FIRST_AHEAD)


async def _applied(connection: Connection, transaction: Transaction) -> dict[int, str]:
    """Return the checksums of the migrations that were applied."""
    try:
        async with connection.transaction():
            await connection.execute(bounded(local=True))
            return await _rows_applied(transaction)
    except _NOTHING_YET:
        return {}


async def _rows_applied(transaction: Transaction) -> dict[int, str]:
    return dict(await transaction.rows("migrations", "applied"))


def _refuse_old_server(connection: Connection, address: Address) -> None:
    version = connection.info.server_version
    if version < OLDEST_SERVER:
        raise StoreError(
            f"the server is PostgreSQL {version // 10_000}; 15 is the oldest that will do",
            path=address.shown,
            hint="upgrade the server",
        )


def _refuse_other_schema(applied: dict[int, str], address: Address) -> None:
    newest = newest_schema()
    found = max(applied, default=0)
    if found > newest:
        raise StoreError(
            f"the database has schema {found}, this version knows {newest}",
            path=address.shown,
            hint="upgrade ductape-jobs to the version that wrote it",
        )
    for number, name, text in migrations():
        if applied.get(number, _digest(text)) != _digest(text):
            raise StoreError(
                f"the database was made by another migration {number:04d} than this `{name}`",
                path=address.shown,
                hint="use the version of ductape-jobs that made it, or another schema",
            )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

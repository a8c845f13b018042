"""Locks of others on our tables: nobody waits for one without end, and the error says whose it is.

`lock_timeout` bounds each wait. What we hold ourselves is bounded as well: a process that is frozen
in the middle of a transaction has it undone by the server, before others have waited for long. Both
are set once a connection, or, behind a pooler that gives each transaction another one, in each
transaction; whoever borrows a connection may think for as long as his server lets him. What an
operator has set for his database is set anew with them, where it is too short for us, or where it
changes what a statement means.
"""

import psycopg

from ductape.errors import StoreError
from ductape.ports.stores.inspecting import LockHolder
from ductape.stores.postgres.server.faults import explain
from ductape.stores.postgres.server.transaction import Connection, Transaction

PATIENCE_MS = 10_000
"""How long a statement waits for somebody's lock."""
SILENCE_MS = 3_000
"""How long a transaction waits for the next statement of a process of ours."""


STATEMENT_MS = 35_000
"""How long a statement may take: whoever has asked has given it up a while before."""
_AS_WRITTEN = (
    b"standard_conforming_strings = on",
    b"array_nulls = on",
    b"transform_null_equals = off",
)
"""What our statements mean, whatever the database has by default."""
_TRANSACTION_TIMEOUT_SINCE = 170_000


def bounded(version: int, *, local: bool) -> bytes:
    """Return the SQL that bounds the waits of a connection, or, `local`, of a transaction.

    `version` is the server's.
    """
    settings = [
        b"lock_timeout = %d" % PATIENCE_MS,
        b"idle_in_transaction_session_timeout = %d" % SILENCE_MS,
        b"statement_timeout = %d" % STATEMENT_MS,
        b"idle_session_timeout = 0",
        *_AS_WRITTEN,
    ]
    if version >= _TRANSACTION_TIMEOUT_SINCE:
        settings.append(b"transaction_timeout = 0")
    return b"; ".join((b"SET LOCAL " if local else b"SET ") + one for one in settings)


def begun(version: int) -> bytes:
    """Return the SQL that begins a transaction and bounds it at once.

    Where the operator's own bound is short, the transaction would be over before a second question.
    """
    return b"; ".join((b"BEGIN ISOLATION LEVEL READ COMMITTED", bounded(version, local=True)))


_DEFAULT = b"SET LOCAL %s TO DEFAULT"
_SILENT = b"idle_in_transaction_session_timeout"


def unhurried(*, pooled: bool, short: bool) -> bytes:
    """Return the SQL that lets whoever borrows a transaction think in the middle of it.

    No query, after which he could not choose its isolation any more. Where the database's own bound
    is `short` he has as long as a process of ours; behind a pooler it is his in any case.
    """
    silence = b"SET LOCAL %s = %d" % (_SILENT, SILENCE_MS) if short else _DEFAULT % _SILENT
    if pooled:
        return silence if short else b""
    return b"; ".join((silence, _DEFAULT % b"statement_timeout"))


async def lets_nobody_think(connection: Connection) -> bool:
    """Tell whether a database ends transactions that are silent for less than ours may be.

    To be asked before anything is set on the connection.
    """
    cursor = await connection.execute(b"SHOW " + _SILENT)
    row = await cursor.fetchone()
    cursor = await connection.execute("SELECT extract(epoch FROM %s::text::interval) * 1000", row)
    found = await cursor.fetchone()
    return found is not None and 0 < found[0] < SILENCE_MS


UNBOUNDED = b"SET LOCAL statement_timeout = 0"
"""Lets a statement take as long as it takes: it goes through a whole table."""


async def lock_holders(transaction: Transaction) -> list[LockHolder]:
    """List who has locked one of our tables against others."""
    return [LockHolder(*row) for row in await transaction.rows("locks", "holders")]


async def locked_out(error: psycopg.Error, transaction: Transaction, shown: str) -> Exception:
    """Turn a wait that was given up into an error that says who holds the lock, if he still does.

    `transaction` is one of another connection than the one that waited.
    """
    try:
        holders = await lock_holders(transaction)
    except psycopg.Error:
        holders = []
    if not holders:
        return explain(error, shown)
    whose = "; ".join(f"table {one.table}: {_described(one)}" for one in holders)
    pids = ", ".join(str(one.pid) for one in holders)
    told = StoreError(
        f"a lock is held by somebody else, given up after {PATIENCE_MS / 1000:g} s: {whose}",
        path=shown,
        hint=f"let it end, or end it: SELECT pg_terminate_backend(pid), pid {pids}",
    )
    told.passing = True
    return told


def _described(holder: LockHolder) -> str:
    program = f" ({holder.program})" if holder.program else ""
    return f"process {holder.pid} of user {holder.user}{program}"

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
from ductape.stores.postgres.server.transaction import Transaction

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


UNHURRIED = b"; ".join(
    b"SET LOCAL %s TO DEFAULT" % name
    for name in (b"idle_in_transaction_session_timeout", b"statement_timeout")
)
"""Lets whoever borrows a transaction think in the middle of it."""
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

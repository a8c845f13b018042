"""A pooler between us and the server: how it is noticed, and what it brings by mistake.

In transaction mode (PgBouncer and others) each transaction may meet another connection to the
server. Messages come to whoever uses one just now, though they are for who once said LISTEN on it;
the driver keeps for ever what nobody takes.
"""

from typing import Any

import psycopg
from psycopg import AsyncConnection

from ductape.stores.postgres.server.transaction import Connection


async def is_pooled(connection: Connection) -> bool:
    """Tell whether a pooler answers for the server: the process that it names is another one."""
    cursor = await connection.execute(b"SELECT pg_backend_pid()")
    return await cursor.fetchone() != (connection.info.backend_pid,)


async def deafen(connection: AsyncConnection[Any]) -> None:
    """Have a connection let go of every message."""
    connection.add_notify_handler(let_go)


def let_go(_: psycopg.Notify) -> None:
    """Do nothing: whoever has to hear it listens elsewhere, or looks."""

"""Transactions that may be run again as they are: nothing of them has become durable.

A connection may be gone before the commit was sent: the server was restarted, or this process was
frozen for so long in the middle of a transaction that the server has ended it (`locks`).
"""

from collections.abc import Awaitable
from typing import TypeVar

import psycopg

from ductape.stores.postgres.server import locks
from ductape.stores.postgres.server.patience import Watch
from ductape.stores.postgres.server.transaction import Connection

T = TypeVar("T")

ENDED_SILENT = psycopg.errors.IdleInTransactionSessionTimeout
ENDED = (
    ENDED_SILENT,
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
    psycopg.errors.IdleSessionTimeout,
)
"""What a server says last on a connection: the driver may see its end only later."""
SURELY_IN_TIME = 0.8
"""The share of the silence that is let pass by the server after which no commit is sent: it counts
from when it has answered, we from when we have heard of it."""


class NotBegun(Exception):
    """The connection was gone before a commit was sent: nothing of the transaction is there."""

    def __init__(self, *, in_doubt: bool = False) -> None:
        """Tell, of a statement that is a transaction by itself, whether it may be there."""
        super().__init__()
        self.in_doubt = in_doubt


async def if_alive(first: Awaitable[T], connection: Connection, alone: Watch | None = None) -> T:
    """Await what may be run again on another connection if this one turns out to be gone.

    Raises `NotBegun` then. `alone` watches over statements that are transactions by themselves.
    """
    try:
        return await first
    except psycopg.Error as error:
        if connection.broken or isinstance(error, ENDED):
            raise NotBegun(in_doubt=alone is not None and alone.in_doubt) from error
        raise


def refuse_gone(connection: Connection) -> None:
    """Raise `NotBegun` where the server has hung up already: what is sent now arrives nowhere.

    What it said before is read first.
    """
    try:
        for _ in range(2):
            connection.pgconn.consume_input()
    except psycopg.OperationalError as error:
        raise NotBegun from error


async def commit(connection: Connection, watch: Watch, *, changes: bool) -> None:
    """Commit what has changed something, or only read.

    Raises `NotBegun`, with nothing sent, where the server may have ended the transaction by now:
    what a commit that is not answered has come to nobody could tell. It is raised, too, where the
    server says that it had ended it before: then it has read no commit.
    """
    if watch.silent_ms() >= locks.SILENCE_MS * SURELY_IN_TIME:
        raise NotBegun
    refuse_gone(connection)
    watch.committing = changes
    committing = connection.execute(b"COMMIT")
    try:
        await (committing if changes else if_alive(committing, connection))
    except ENDED_SILENT as error:
        watch.committing = False
        raise NotBegun from error

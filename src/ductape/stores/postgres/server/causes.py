"""Why a transaction failed, as its caller is told: some causes only another connection knows."""

from collections.abc import Awaitable, Callable

import psycopg
from psycopg_pool import PoolTimeout

from ductape.errors import StoreError
from ductape.stores.postgres.server.address import Address
from ductape.stores.postgres.server.faults import doubted, explain, unanswered
from ductape.stores.postgres.server.lines import AsyncLine
from ductape.stores.postgres.server.locks import locked_out
from ductape.stores.postgres.server.patience import Unanswered
from ductape.stores.postgres.server.statements import Statements
from ductape.stores.postgres.server.transaction import Connection, Transaction


class Causes:
    """The causes of one database's errors."""

    def __init__(
        self,
        address: Address,
        statements: Statements,
        connect: Callable[[], Awaitable[Connection]],
        let_go: Callable[[], Awaitable[None]],
    ) -> None:
        """Ask by what `connect` returns; `let_go` gives up the connections that there are."""
        self._shown = address.shown
        self._statements = statements
        self._connect = connect
        self._let_go = let_go

    async def why(self, error: Unanswered | psycopg.Error, *, in_doubt: bool = False) -> Exception:
        """Tell what an error means; `in_doubt`: something may have been stored before it."""
        match error:
            case Unanswered():
                error.in_doubt |= in_doubt
                return await self._given_up(error)
            case PoolTimeout():
                told = await self._why_none(error)
            case psycopg.errors.LockNotAvailable():
                told = await self._who_holds(error)
            case _:
                told = explain(error, self._shown)
        return doubted(told) if in_doubt and isinstance(told, StoreError) else told

    async def _given_up(self, error: Unanswered) -> StoreError:
        """Let the other connections go, too: they have led to the same silence for as long."""
        await self._let_go()
        return unanswered(error, self._shown)

    async def _why_none(self, error: PoolTimeout) -> Exception:
        """Find out why no connection was to be had: the pool does not tell."""
        try:
            connection = await self._connect()
        except StoreError as reason:
            return reason
        await connection.close()
        return explain(error, self._shown)

    async def _who_holds(self, error: psycopg.Error) -> Exception:
        """Find out whose lock it is that a step has waited for too long."""
        try:
            connection = await self._connect()
        except StoreError:
            return explain(error, self._shown)
        try:
            asking = Transaction(AsyncLine(connection), self._statements)
            return await locked_out(error, asking, self._shown)
        finally:
            await connection.close()


def always_gone(shown: str, *, in_doubt: bool = False) -> StoreError:
    """Tell that a transaction was tried in vain, too often."""
    told = StoreError(
        "the transaction was undone again and again, or its connection is always gone",
        path=shown,
        hint="look at the server's log; the call may be made again",
    )
    told.passing = True
    return doubted(told) if in_doubt else told


def undone_by_statement() -> StoreError:
    """Tell that what was to be committed is no longer there."""
    return StoreError(
        "the transaction was undone, or ended, by one of its own statements",
        path="transaction",
        hint="let the error of a statement leave the block, and end nothing inside of it",
    )

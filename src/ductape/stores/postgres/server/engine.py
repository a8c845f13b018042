"""A pool of connections; every step of a caller is one transaction on one of them.

`write` returns only after its own commit. A transaction that PostgreSQL undid because of another
(serialization failure, deadlock) is run again as it is; so is one whose connection was gone before
its commit was sent, as of a process that was frozen in the middle. All else is told to the caller.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool

from ductape.domain.schema import StoreSchema, refuse_outlived
from ductape.errors import StoreError
from ductape.stores.postgres.server.address import Address
from ductape.stores.postgres.server.again import NotBegun, commit, if_alive, refuse_gone
from ductape.stores.postgres.server.cancelling import Prompt, cancellations, heed_cancellation
from ductape.stores.postgres.server.causes import Causes, always_gone, undone_by_statement
from ductape.stores.postgres.server.connecting import (
    connect,
    connect_alone,
    prepare,
    prepare_threshold,
)
from ductape.stores.postgres.server.faults import TRY_AGAIN, refuse_rule
from ductape.stores.postgres.server.lines import AsyncLine
from ductape.stores.postgres.server.locks import UNBOUNDED, bounded, unhurried
from ductape.stores.postgres.server.patience import Unanswered, watched
from ductape.stores.postgres.server.plans import AS_THE_SERVER_DOES, PLANNED_ANEW, by_index
from ductape.stores.postgres.server.poolers import deafen
from ductape.stores.postgres.server.statements import Statements, known_schema
from ductape.stores.postgres.server.transaction import Connection, Transaction

T = TypeVar("T")
Step = Callable[[Transaction], Awaitable[T]]

MOST_CONNECTIONS = 8
MOST_TRIES = 20
"""More than there are connections: all of them may be gone after the server was restarted."""
PAUSE_S = 0.005
"""Before the second try; a little longer before each one after it."""
PATIENCE_S = 15.0
"""How long a caller waits for a connection."""
RECONNECT_S = 1.0
"""How long the pool tries a silent server, each pause twice the one before. Then it begins anew: so
nobody waits for much longer than this once the server is back."""
ONE_A_LOOP = "open one in each loop, or `Ductape.sync`, which any thread may call"
_WRITE = b"BEGIN ISOLATION LEVEL READ COMMITTED"
_READ = b"; ".join((b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", PLANNED_ANEW))


class Engine:
    """An open database. Made on an event loop; belongs to it, and to the process that made it."""

    def __init__(self, address: Address, *, pooled: bool, short: bool = False) -> None:
        """Prepare; `open` opens. `pooled`: a pooler stands between us and the server.

        `short`: the database has silent transactions ended before a borrower could think.
        """
        self.address = address
        self.statements = Statements(address.schema)
        self.pooled = pooled
        self._pid = os.getpid()
        self._loop = asyncio.get_running_loop()
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            address.conninfo,
            connection_class=Prompt,
            kwargs={"autocommit": True, "prepare_threshold": prepare_threshold(pooled=pooled)},
            min_size=1,
            max_size=MOST_CONNECTIONS,
            timeout=PATIENCE_S,
            reconnect_timeout=RECONNECT_S,
            reconnect_failed=_begin_anew,
            configure=deafen if pooled else prepare,
            open=False,
            name="ductape",
        )
        # Behind a pooler nothing is set for a connection that would have to be taken back.
        as_it_is = b"" if pooled else AS_THE_SERVER_DOES
        self._lent = b"; ".join((b"BEGIN", as_it_is, unhurried(pooled=pooled, short=short)))
        self._causes = Causes(address, self.statements, self.connect, self._pool.drain)
        self._closed = False
        self._newest = known_schema()

    async def open(self) -> None:
        """Begin to connect."""
        await self._pool.open()

    async def write(self, step: Step[T], *, unhurried: bool = False) -> T:
        """Run a step in a transaction; return its answer once it is durable.

        Each answer of the server is waited for `ANSWER_S`; of an unhurried step, for ever.
        """
        once = partial(self._once, _WRITE, step, unhurried=unhurried)
        return await self._until_done(once)

    async def read(self, step: Step[T], *, unhurried: bool = False) -> T:
        """Run a step on one snapshot of the database; `unhurried` as of `write`."""
        once = partial(self._once, _READ, step, unhurried=unhurried)
        return await self._until_done(once)

    async def piped(self, step: Step[T]) -> T:
        """Run a step as `write` does; what it asks is sent before the answers are awaited.

        Its transaction begins with its first statements: where the connection turns out to be gone
        before the commit was sent, all of it is run again on another one.
        """
        if self.pooled:
            return await self.write(step)
        return await self._until_done(partial(self._piped, step))

    async def single(self, step: Step[T]) -> T:
        """Run a step of one statement, which is a transaction by itself.

        It is run again if its connection turns out to be gone, so it must bear that.
        """
        return await self._until_done(partial(self._once, None, step))

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[Connection]:
        """Open a transaction on a connection of the pool, for the caller to end.

        It commits at the end of the block; an exception undoes it.
        """
        self.check()
        begun, connection = await self._begun()
        async with begun:
            yield connection
            if connection.info.transaction_status is not TransactionStatus.INTRANS:
                raise undone_by_statement()
            try:
                with watched(connection) as watch:
                    watch.committing = True
                    await connection.execute(b"COMMIT")
            except (Unanswered, psycopg.Error) as error:
                raise await self._causes.why(error) from error

    async def _begun(self) -> tuple[AsyncExitStack, Connection]:
        """Return a connection on which a transaction is open, and what gives it back."""
        for _ in range(MOST_TRIES):
            try:
                async with AsyncExitStack() as taken:
                    connection = await taken.enter_async_context(self._pool.connection())
                    with watched(connection):
                        await if_alive(connection.execute(self._lent), connection)
                    return taken.pop_all(), connection
            except NotBegun:
                continue
            except (Unanswered, psycopg.Error) as error:
                raise await self._causes.why(error) from error
        raise always_gone(self.address.shown)

    async def connect(self) -> Connection:
        """Open one more connection, outside the pool; raises `StoreError`."""
        if self.pooled:
            return await connect(self.address, pooled=True)
        return await connect_alone(self.address)

    def heed(self, schema: StoreSchema) -> None:
        """Hear how new the schema is by now.

        Raises `StoreError` if it has outlived this program, and from then on nothing is asked.
        """
        self._newest = schema
        self._refuse_outlived()

    def _refuse_outlived(self) -> None:
        refuse_outlived(self._newest, known_schema().number, self.address.shown)

    async def aclose(self) -> None:
        """Close the connections; twice is harmless."""
        self._closed = True
        await self._pool.close()

    async def _until_done(self, once: Callable[[int], Awaitable[T]]) -> T:
        """Try until it is done; `once` is told how often the caller was cancelled before."""
        self.check()
        cancelled = cancellations()
        in_doubt = False
        for at in range(1, MOST_TRIES):
            try:
                answer = await once(cancelled)
            except NotBegun as gone:
                in_doubt |= gone.in_doubt
            except TRY_AGAIN as error:
                refuse_rule(error, self.address.shown)
                await asyncio.sleep(PAUSE_S * at)
            except (Unanswered, psycopg.Error) as error:
                raise await self._causes.why(error, in_doubt=in_doubt) from error
            else:
                heed_cancellation(cancelled)
                return answer
        raise always_gone(self.address.shown, in_doubt=in_doubt)

    async def _once(
        self, begin: bytes | None, step: Step[T], cancelled: int, *, unhurried: bool = False
    ) -> T:
        changes = begin is not _READ
        async with self._pool.connection() as connection:
            heed_cancellation(cancelled)
            if self.pooled:
                begin = self._set_anew(begin or _WRITE, connection)
            if begin is not None and unhurried:
                begin = b"; ".join((begin, UNBOUNDED))
            with watched(connection, unhurried=unhurried) as watch:
                line = AsyncLine(connection, watch=watch)
                if begin is None:
                    watch.alone = True
                    refuse_gone(connection)
                    return await if_alive(step(self._on(line)), connection, watch)
                answer = await if_alive(self._run(begin, step, line), connection)
                await commit(connection, watch, changes=changes)
                return answer

    def _set_anew(self, begin: bytes, connection: Connection) -> bytes:
        waits = bounded(connection.info.server_version, local=True)
        return b"; ".join((begin, waits, by_index(local=True)))

    async def _piped(self, step: Step[T], cancelled: int) -> T:
        async with self._pool.connection() as connection:
            heed_cancellation(cancelled)
            with watched(connection) as watch:
                async with connection.pipeline() as pipeline:
                    line = AsyncLine(connection, pipeline=pipeline, watch=watch)
                    answer = await if_alive(self._run(_WRITE, step, line), connection)
                    await commit(connection, watch, changes=True)
                return answer

    async def _run(self, begin: bytes, step: Step[T], line: AsyncLine) -> T:
        await line.connection.execute(begin)
        return await step(self._on(line))

    def _on(self, line: AsyncLine) -> Transaction:
        return Transaction(line, self.statements)

    def check(self) -> None:
        """Refuse what cannot be served here; raises `StoreError`."""
        if self._closed:
            raise StoreError("the store is closed", path=self.address.shown, hint="open it again")
        self._refuse_outlived()
        if os.getpid() != self._pid:
            raise StoreError(
                "this process was forked after the store was opened",
                path=self.address.shown,
                hint="open the store in the process that uses it",
            )
        if asyncio.get_running_loop() is not self._loop:
            shown = self.address.shown
            raise StoreError(
                "the store was opened in another event loop", path=shown, hint=ONE_A_LOOP
            )


async def _begin_anew(pool: AsyncConnectionPool[Any]) -> None:
    """Let those be served who wait: by itself the pool begins anew with the next caller only."""
    if pool.get_stats().get("requests_waiting"):
        await pool.check()

"""One SQLite file, one writer: every write that waits goes into the next commit together.

`write` returns only after its own step is durable (`synchronous=FULL`). Steps that share a commit
are tried one by one if the shared one fails, so that each caller gets its own error. Reads have a
connection and a thread of their own and never wait for the writer (WAL).

A lone step, with nobody before it, may be committed where it is called: handing it to the writer's
thread and back costs as much as the commit. Only while commits are quick, since the event loop
waits for it, and never while another process writes.

With `inline=True` steps run where they are called, for simulated time (no thread to wait for).

`lend` gives the writer to one caller, who holds it for a transaction of several steps.
"""

import asyncio
import os
import queue
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Generic, TypeVar

import apsw

from ductape.errors import StoreError, invalid
from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.loan import InlineLoan, Loan, ThreadLoan
from ductape.stores.sqlite.file.opening import BUSY_MS, connect, explain, refuse_if_outlived

T = TypeVar("T")
Step = Callable[[Connection], T]
MOST_STEPS = 256
"""How many callers share a commit."""
QUICK_S = 0.001
"""How long commits take, lately, where the event loop may wait for one."""
NEWEST_COUNTS = 0.2
"""The part of the newest commit in what commits take lately."""
ONE_A_LOOP = "open one in each loop, or `Ductape.sync`, which any thread may call"

_LENT: ContextVar[Loan | None] = ContextVar("ductape_lent", default=None)
"""The loan in whose block the caller stands: what it does beside it would wait for it."""


class NotNow(Exception):
    """A step would have to wait for others, or for a slow disk."""


@dataclass(frozen=True, slots=True)
class _Ticket(Generic[T]):
    """One caller's step, and where its answer goes."""

    step: Step[T]
    future: asyncio.Future[T]


_Next = _Ticket[object] | ThreadLoan | None
"""What the writer does next; none is the end."""


class Engine:
    """An open file. Made on an event loop; belongs to it, and to the process that made it."""

    def __init__(self, path: str, *, inline: bool = False) -> None:
        """Open, migrate and begin to serve; raises `StoreError`."""
        self.path = path
        self._pid = os.getpid()
        self._writer = connect(path)
        self._reader = connect(path)
        self.inline = inline
        """Whether steps run where they are called."""
        self._lending = asyncio.Lock()
        self._closed = False
        self._commit_s = 0.0
        """How long commits take, lately."""
        self._turn = threading.Lock()
        """Held by whoever uses the writing connection."""
        if not inline:
            self._loop = asyncio.get_running_loop()
            self._waiting: queue.SimpleQueue[_Next] = queue.SimpleQueue()
            self._ahead: deque[_Next] = deque()
            self._reading = ThreadPoolExecutor(1, thread_name_prefix="ductape-read")
            # A daemon, so that a process that forgot to close still ends: WAL bears a sudden death.
            self._thread = threading.Thread(target=self._serve, name="ductape-write", daemon=True)
            self._thread.start()

    async def write(self, step: Step[T]) -> T:
        """Run a step in a transaction; return its answer once it is durable.

        A caller cancelled before its commit began is taken out of it; afterwards the step stands.
        """
        self.check()
        refuse_beside_a_loan()
        if self.inline:
            async with self._lending:
                return _commit_one(self._writer, step)
        future: asyncio.Future[T] = self._loop.create_future()
        ticket: _Ticket[T] = _Ticket(step, future)
        self._waiting.put(ticket)  # pyright: ignore[reportArgumentType] (a ticket of any answer)
        return await future

    async def write_lone(self, step: Step[T]) -> T:
        """Do as `write` does, at once where nobody is before it and commits are quick."""
        try:
            return self.write_here(step)
        except NotNow:
            return await self.write(step)

    def write_here(self, step: Step[T]) -> T:
        """Commit where it is called; raises `NotNow`, with nothing done, rather than wait."""
        self.check()
        refuse_beside_a_loan()
        if self.inline or self._commit_s > QUICK_S or not self._waiting.empty():
            raise NotNow
        if not self._turn.acquire(blocking=False):
            raise NotNow
        try:
            self._writer.set_busy_timeout(0)
            return self._transact([step])[0]
        except apsw.BusyError as error:
            raise NotNow from error  # another process writes: wait for it elsewhere
        except apsw.Error as error:
            raise explain(error, self.path) from error
        finally:
            self._writer.set_busy_timeout(BUSY_MS)
            self._turn.release()

    async def read(self, step: Step[T]) -> T:
        """Run a step in a read transaction of its own."""
        self.check()
        if self.inline:
            return _look(self._reader, step)
        return await self._loop.run_in_executor(self._reading, _look, self._reader, step)

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[Loan]:
        """Give the writer to the caller once what was there before is committed.

        The transaction commits at the end of the block; an exception undoes it.
        """
        self.check()
        refuse_beside_a_loan()
        async with self._lending:
            loan = self._loan()
            await loan.begin()
            _LENT.set(loan)
            try:
                yield loan
            except BaseException:
                await loan.undo()
                raise
            await loan.commit()

    def _loan(self) -> Loan:
        if self.inline:
            return InlineLoan(self._writer)
        loan = ThreadLoan(self.path, self._loop)
        self._waiting.put(loan)
        return loan

    def connection(self) -> Connection:
        """Open one more connection, for a thread of its own (the heartbeat's)."""
        return connect(self.path)

    async def aclose(self) -> None:
        """Commit what waits, then close; twice is harmless."""
        if self._closed:
            return
        self._closed = True
        if not self.inline:
            self._waiting.put(None)
            await self._loop.run_in_executor(None, self._thread.join)
            self._reading.shutdown()
        self._reader.close()
        self._writer.close()

    def check(self) -> None:
        """Refuse what cannot be served here; raises `StoreError`."""
        if self._closed:
            raise StoreError("the store is closed", path=self.path, hint="open it again")
        if os.getpid() != self._pid:
            raise StoreError(
                "this process was forked after the store was opened",
                path=self.path,
                hint="open the store in the process that uses it",
            )
        if not self.inline and asyncio.get_running_loop() is not self._loop:
            raise StoreError(
                "the store was opened in another event loop", path=self.path, hint=ONE_A_LOOP
            )

    def _serve(self) -> None:
        while (first := self._ahead.popleft() if self._ahead else self._waiting.get()) is not None:
            if isinstance(first, ThreadLoan):
                with self._turn:
                    first.serve(self._writer)
                continue
            tickets = self._gather(first)
            with self._turn:
                answers = self._commit([t for t in tickets if not t.future.cancelled()])
            self._loop.call_soon_threadsafe(_deliver, answers)

    def _gather(self, first: _Ticket[object]) -> list[_Ticket[object]]:
        """Take all that wait, up to a loan or the end, which are left for the next round."""
        tickets = [first]
        while len(tickets) < MOST_STEPS:
            try:
                found = self._waiting.get_nowait()
            except queue.Empty:
                break
            if not isinstance(found, _Ticket):
                self._ahead.append(found)
                break
            tickets.append(found)
        return tickets

    def _transact(self, steps: Sequence[Step[T]]) -> list[T]:
        """Commit; where it is one step, remember how long that took."""
        began_s = self._loop.time()
        results = _transact(self._writer, steps)
        if len(steps) == 1:
            self._commit_s += NEWEST_COUNTS * (self._loop.time() - began_s - self._commit_s)
        return results

    def _commit(
        self, tickets: Sequence[_Ticket[object]]
    ) -> list[tuple[asyncio.Future[object], object, Exception | None]]:
        try:
            results = self._transact([ticket.step for ticket in tickets])
        except Exception as error:  # noqa: BLE001 (the shared commit: each caller gets its own)
            if len(tickets) == 1 or isinstance(error, apsw.BusyError):
                # Where another process holds the file, each would wait for it anew.
                return [(ticket.future, None, explain(error, self.path)) for ticket in tickets]
            return [answer for ticket in tickets for answer in self._commit([ticket])]
        return [
            (ticket.future, result, None) for ticket, result in zip(tickets, results, strict=True)
        ]


def refuse_beside_a_loan() -> None:
    """Refuse a write that would wait for the transaction in whose block it is called."""
    loan = _LENT.get()
    if loan is not None and loan.open:
        raise invalid(
            "transaction",
            "`transaction=` inside the block of `ductape.transaction()`",
            "a call without it, which would wait for the end of the block",
            hint="hand the transaction on, or make the call before or after the block",
        )


def _commit_one(connection: Connection, step: Step[T]) -> T:
    try:
        return _transact(connection, [step])[0]
    except apsw.Error as error:
        raise explain(error, connection.filename) from error


def _transact(connection: Connection, steps: Sequence[Step[T]]) -> list[T]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        refuse_if_outlived(connection)
        results = [step(connection) for step in steps]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results


def _look(connection: Connection, step: Step[T]) -> T:
    try:
        connection.execute("BEGIN")
        try:
            return step(connection)
        finally:
            if connection.in_transaction:
                connection.execute("COMMIT")
    except apsw.Error as error:
        raise explain(error, connection.filename) from error


def _deliver(
    answers: Sequence[tuple[asyncio.Future[object], object, Exception | None]],
) -> None:
    for future, result, error in answers:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

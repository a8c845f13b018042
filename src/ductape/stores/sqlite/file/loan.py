"""The writer of a SQLite file, lent to one caller for one transaction.

A file has one writer, so that nothing else is written while it is lent. The loan is therefore
bounded: a caller that lets it lie, or takes too long in all, loses it, and what it wrote is undone.
The bounds are in seconds; the longer one is below the time that other processes wait for the file.
"""

import asyncio
import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

import apsw

from ductape.errors import DuctapeError, StoreError, invalid
from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.opening import explain, refuse_if_outlived

T = TypeVar("T")
Step = Callable[[Connection], T]

IDLE_S = 5.0
"""How long the caller may ask for nothing."""
LONGEST_S = 10.0
"""How long the whole may take."""
LOOK_EVERY_STEPS = 10_000
"""How many steps of SQLite's machine pass, in a long statement, until the bound is looked at."""


class Loan(Protocol):
    """The writer in one caller's hands."""

    @property
    def open(self) -> bool:
        """Whether it has not ended yet, or is still waited for."""
        ...

    async def begin(self) -> None:
        """Wait for the writer and begin; raises `StoreError`."""
        ...

    async def run(self, step: Step[T]) -> T:
        """Run a step in the transaction; raises what it raises, or why there is none any more."""
        ...

    async def commit(self) -> None:
        """Make it durable; raises `StoreError`, and nothing is stored then."""
        ...

    async def undo(self) -> None:
        """Roll back; harmless where it is over."""
        ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """One step of the caller's, and where its answer goes."""

    step: Step[object]
    answer: asyncio.Future[object]


class ThreadLoan:
    """A loan whose steps run in the writer's own thread."""

    def __init__(self, path: str, loop: asyncio.AbstractEventLoop) -> None:
        """Prepare on the caller's loop; whoever has the writer calls `serve`."""
        self._path = path
        self._loop = loop
        self._begun: asyncio.Future[object] = loop.create_future()
        self._asked: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
        self._left = False
        self._over: Exception | None = None

    @property
    def open(self) -> bool:
        """Whether it has not ended yet, or is still waited for."""
        return self._over is None

    async def begin(self) -> None:
        """Wait for the writer and begin; raises `StoreError`."""
        try:
            await self._begun
        except BaseException:
            self._leave()  # it may have begun at this very moment
            raise

    async def run(self, step: Step[T]) -> T:
        """Run a step in the transaction; raises what it raises, or why there is none any more."""
        return cast("T", await self._ask(step))

    async def commit(self) -> None:
        """Make it durable; raises `StoreError`, and nothing is stored then."""
        try:
            await asyncio.shield(self._ask(_commit))
        finally:
            self._close(_ended())

    async def undo(self) -> None:
        """Roll back; harmless where it is over."""
        if self.open:
            await asyncio.wait([self._leave()])  # whatever it says: then it is over

    def _leave(self) -> asyncio.Future[object]:
        """Break off what is under way and ask for the end."""
        self._left = True
        answer = self._ask(_roll_back)
        answer.add_done_callback(_is_seen)
        self._close(_ended())
        return answer

    def _ask(self, step: Step[object]) -> asyncio.Future[object]:
        answer: asyncio.Future[object] = self._loop.create_future()
        if self._over is None:
            self._asked.put(_Asked(step, answer))
        else:
            answer.set_exception(self._over)
        return answer

    def _close(self, why: Exception) -> None:
        """Be over, if it is not yet: on the loop, so that nothing is asked in between."""
        self._over = self._over or why

    def _refuse_late(self, why: Exception) -> None:
        """Be over, and answer what was asked meanwhile."""
        self._close(why)
        while not self._asked.empty():
            _deliver(self._asked.get().answer, None, why)

    def serve(self, connection: Connection) -> None:
        """Hold the writer, in its thread, until the caller ends the transaction or lets it lie."""
        if self._begun.cancelled():
            return
        try:
            _begin(connection)
        except (apsw.Error, StoreError) as error:
            self._tell(self._begun, None, explain(error, self._path))
            return
        until = self._loop.time() + LONGEST_S
        connection.set_progress_handler(lambda: self._is_late(until), LOOK_EVERY_STEPS)
        self._tell(self._begun, None, None)
        why = self._serve(connection, until)
        connection.set_progress_handler(None)
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        self._loop.call_soon_threadsafe(self._refuse_late, why)

    def _serve(self, connection: Connection, until: float) -> Exception:
        """Run what is asked; return why there is no more."""
        step: Step[object] | None = None
        while connection.in_transaction:
            left_s = until - self._loop.time()
            try:
                asked = self._asked.get(timeout=max(0.0, min(IDLE_S, left_s)))
            except queue.Empty:
                return _undone(late=left_s <= IDLE_S)
            step = asked.step
            if not asked.answer.cancelled():
                self._answer(asked, connection)
        if step in (_commit, _roll_back):
            return _ended()
        return _undone(late=True) if self._is_late(until) else _undone_by_statement()

    def _answer(self, asked: _Asked, connection: Connection) -> None:
        try:
            answer = asked.step(connection)
        except apsw.InterruptError:
            self._tell(asked.answer, None, _undone(late=True))
        except Exception as error:  # noqa: BLE001 (the caller's own step: the caller is told)
            self._tell(asked.answer, None, explain(error, self._path))
        else:
            self._tell(asked.answer, answer, None)

    def _is_late(self, until: float) -> bool:
        """Tell whether a statement under way is to be broken off."""
        return self._left or self._loop.time() > until

    def _tell(
        self, answer: asyncio.Future[object], result: object, error: Exception | None
    ) -> None:
        self._loop.call_soon_threadsafe(_deliver, answer, result, error)


class InlineLoan:
    """A loan whose steps run where they are asked for, without bounds: simulated time stands."""

    def __init__(self, connection: Connection) -> None:
        """Use the writer; nobody else may meanwhile."""
        self._connection = connection
        self._over: Exception | None = None

    @property
    def open(self) -> bool:
        """Whether it has not ended yet, or is still waited for."""
        return self._over is None

    async def begin(self) -> None:
        """Begin; raises `StoreError`."""
        self._run(_begin)

    async def run(self, step: Step[T]) -> T:
        """Run a step in the transaction; raises what it raises, or why there is none any more."""
        try:
            return self._run(step)
        finally:
            if not self._connection.in_transaction:
                self._over = self._over or _undone_by_statement()

    async def commit(self) -> None:
        """Make it durable; raises `StoreError`, and nothing is stored then."""
        self._run(_commit)
        self._over = _ended()

    async def undo(self) -> None:
        """Roll back; harmless where it is over."""
        if self.open:
            self._run(_roll_back)
            self._over = _ended()

    def _run(self, step: Step[T]) -> T:
        if self._over is not None:
            raise self._over
        try:
            return step(self._connection)
        except apsw.Error as error:
            raise explain(error, self._connection.filename) from error


def _begin(connection: Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        refuse_if_outlived(connection)
    except BaseException:
        _roll_back(connection)
        raise


def _commit(connection: Connection) -> None:
    try:
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _deliver(answer: asyncio.Future[object], result: object, error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)


def _is_seen(answer: asyncio.Future[object]) -> None:
    """Take note of an answer that nobody waits for."""
    if not answer.cancelled():
        answer.exception()


def _ended() -> DuctapeError:
    return invalid("transaction", "one that is open", "one that has ended")


def _undone(*, late: bool) -> StoreError:
    said = f"it took more than {LONGEST_S:g} s" if late else f"it lay idle for {IDLE_S:g} s"
    return StoreError(
        f"the transaction was undone: {said}, and nobody else can write meanwhile",
        path="transaction",
        hint="do what takes time before the block, and only write inside of it",
    )


def _undone_by_statement() -> StoreError:
    return StoreError(
        "the transaction was undone by one of its own statements",
        path="transaction",
        hint="look at the error that the statement before raised, and at `ON CONFLICT ROLLBACK`",
    )

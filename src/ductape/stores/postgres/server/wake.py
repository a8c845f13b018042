"""Hints between all processes of one database: NOTIFY after the commit, LISTEN in each process.

What is told is sent on a connection of its own, together with all that was told meanwhile: NOTIFY
inside the writing transaction would make every commit wait for every other. Only in a caller's own
transaction is it the right tool (`tell_at_commit`). A message is kept until the server takes it. A
listener may miss one all the same: after each interruption, and every few seconds where LISTEN is
not to be had (behind a pooler that gives each transaction another server connection), everybody is
told to look. Who dies between commit and message tells nobody: so whoever waits for an end, or to
be stopped, looks now and then without a hint.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import get_args

import msgspec
import psycopg
from msgspec import Struct

from ductape.errors import StoreError
from ductape.ports.wake import Asker, Hint, Listener
from ductape.stores.postgres.rows.values import Values
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.patience import Unanswered, watched
from ductape.stores.postgres.server.poolers import deafen
from ductape.stores.postgres.server.transaction import Connection, Transaction

POLL_S = 5.0
"""How often everybody is told to look where no hint arrives from elsewhere."""
PROBE_S = 3.0
"""How long our own first message may take, behind a pooler, before LISTEN is given up."""
UNTOLD_S = 5.0
"""How often those look who have no other safety net."""
UNTOLD: tuple[Hint, ...] = ("settled", "control")
APART_S = 0.002
"""How far apart messages are: the first goes at once, what is told right after it goes together."""
RECONNECT_S = 1.0
LAST_S = 5.0
"""How long what was told last may take to be sent when the store is closed."""
SENDER = "ductape-notify"
MOST_JOBS = 150
"""More jobs than these are not named in a message (8,000 bytes at most): none means any."""
NOBODY = ""
"""The sender of what is told at a caller's commit: this process too is to hear it."""

ALL: tuple[Hint, ...] = get_args(Hint)

log = logging.getLogger("ductape.store")


class Message(Struct, frozen=True):
    """What goes over the wire."""

    sender: str
    hints: dict[Hint, list[str]]
    """Each hint with its jobs; none of them named means any."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode


async def tell_at_commit(transaction: Transaction, hint: Hint) -> None:
    """Have the server tell everybody once the transaction commits, and nobody if it does not.

    For a caller's own transaction, whose commit we do not see. It makes that commit wait for others
    of its kind.
    """
    values: Values = {
        "channel": _channel(transaction.statements.schema),
        "payload": _encode(Message(NOBODY, {hint: []})).decode(),
    }
    await transaction.rows("outbox", "tell", values)


def _channel(schema: str) -> str:
    return f"ductape_{schema}"


class PostgresWake:
    """Tells this process and its neighbours."""

    def __init__(self, engine: Engine, *, token: str) -> None:
        """Prepare; `token` tells this process's own messages from others'."""
        self._engine = engine
        self._token = token
        self._channel = _channel(engine.address.schema)
        self._listeners: list[Listener] = []
        self._askers: list[Asker] = []
        self._pending: dict[Hint, set[str] | None] = {}
        self._line: Connection | None = None
        self._closing = False
        self._late = False
        """Whether what was told last did not get through."""
        self._told = asyncio.Event()
        self._heard = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin to listen; raises `StoreError`."""
        listening = await self._listening()
        self._tasks = [
            asyncio.create_task(self._receive(listening), name="ductape-listen"),
            asyncio.create_task(self._send(), name=SENDER),
            asyncio.create_task(self._look_untold(), name="ductape-untold"),
        ]
        if self._engine.pooled:
            self._told.set()
            self._tasks.append(asyncio.create_task(self._poll_if_deaf(), name="ductape-poll"))

    def tell(self, hint: Hint, jobs: Collection[str] = ()) -> None:
        """Wake every listener of every live process of the store; called after a commit."""
        self._spread(hint, jobs)
        self._keep(hint, set(jobs) or None)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call back on the event loop for each hint; the answer ends the listening."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def expect(self, asker: Asker) -> Callable[[], None]:
        """Call back when this process is about to store work; the answer ends that."""
        self._askers.append(asker)
        return lambda: self._askers.remove(asker)

    def announce(self) -> bool:
        """Say that work is about to be stored here; tell whether somebody asks for it with it."""
        return any(asker() for asker in self._askers)

    async def aclose(self) -> None:
        """Send what was told, then close; twice is harmless."""
        self._closing = True
        self._told.set()
        tasks, self._tasks = self._tasks, []
        if tasks:
            await asyncio.wait(
                [task for task in tasks if task.get_name() == SENDER], timeout=LAST_S
            )
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep(self, hint: Hint, jobs: set[str] | None) -> None:
        """Have something sent, together with what waits already; no jobs means any, as many do."""
        known = self._pending.get(hint, set())
        joined = None if known is None or jobs is None else known | jobs
        # No more than a message names: there may be no way to the server for hours.
        self._pending[hint] = None if joined is None or len(joined) > MOST_JOBS else joined
        self._told.set()

    def _spread(self, hint: Hint, jobs: Collection[str] = ()) -> None:
        for listener in list(self._listeners):
            listener(hint, jobs)

    def _spread_all(self) -> None:
        for hint in ALL:
            self._spread(hint)

    async def _listening(self) -> Connection:
        connection = await self._engine.connect()
        try:
            with watched(connection):
                await connection.execute(f"LISTEN {self._channel}".encode())
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _receive(self, connection: Connection) -> None:
        """Hand on what arrives; after an interruption anything may have happened."""
        while True:
            try:
                async for notify in connection.notifies():
                    self._take(notify.payload)
            except psycopg.Error as error:
                log.warning("hints are interrupted: %s", str(error).strip())
            finally:
                await connection.close()
            connection = await self._listening_at_last()
            self._spread_all()

    async def _listening_at_last(self) -> Connection:
        while True:
            await asyncio.sleep(RECONNECT_S)
            try:
                return await self._listening()
            except (StoreError, psycopg.Error, Unanswered):
                continue

    def _take(self, payload: str) -> None:
        try:
            message = _decode(payload)
        except msgspec.DecodeError:
            return self._spread_all()  # of another version: look at everything
        if message.sender == self._token:
            self._heard.set()  # a pooler may let one of somebody else's through, by chance
            return None
        for hint, jobs in message.hints.items():
            self._spread(hint, jobs)
        return None

    async def _send(self) -> None:
        """Send what was told since the last message, for as long as there is something."""
        try:
            while True:
                await self._told.wait()
                self._told.clear()
                if self._pending or not self._closing:
                    await self._send_pending()
                if self._closing and not self._pending:
                    return
        finally:
            await self._hang_up()

    async def _send_pending(self) -> None:
        """Send what was told; keep what does not get through, but not past the end."""
        told, self._pending = self._pending, {}
        try:
            await self._send_one(_message(self._token, told))
        except (StoreError, psycopg.Error, Unanswered) as error:
            if not self._late:
                log.warning("hints are late: %s", str(error).strip())
            self._late = True
            await self._hang_up()
            if self._closing:
                return
            for hint, jobs in told.items():
                self._keep(hint, jobs)
            if isinstance(error, StoreError):  # no new connection; an old one is replaced at once
                await asyncio.sleep(RECONNECT_S)
        else:
            self._late = False

    async def _send_one(self, payload: str) -> None:
        if self._line is None:
            self._line = await self._engine.connect()
            await deafen(self._line)
        with watched(self._line):
            await self._line.execute(b"SELECT pg_notify(%s, %s)", (self._channel, payload))
        await asyncio.sleep(APART_S)

    async def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    async def _look_untold(self) -> None:
        while True:
            await asyncio.sleep(UNTOLD_S)
            for hint in UNTOLD:
                self._spread(hint)

    async def _poll_if_deaf(self) -> None:
        try:
            async with asyncio.timeout(PROBE_S):
                await self._heard.wait()
        except TimeoutError:
            log.warning("no hints pass the pooler: looking every %d s instead", POLL_S)
        while not self._heard.is_set():
            await asyncio.sleep(POLL_S)
            self._spread_all()


def _message(sender: str, told: Mapping[Hint, set[str] | None]) -> str:
    hints: dict[Hint, list[str]] = {
        hint: [] if jobs is None else sorted(jobs) for hint, jobs in told.items()
    }
    return _encode(Message(sender, hints)).decode()

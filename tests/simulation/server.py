"""A schema on a real PostgreSQL as a world's ground: real sockets, real locks, virtual time.

While anybody waits for the server, no virtual time passes (`standing_connections`): a transaction
is one instant, as a step on a file is. Transactions of different processes overlap in real time all
the same, so that they meet at the same locks; which of them is first the server decides, and a seed
tells nearly, not exactly, the same story again.

Three parts are not the product's: hints do not go through LISTEN (the world spreads them, and loses
some), the server's clock is the world's (the machines' own are wrong by up to an hour), and a beat
is sent from a thread for which time stands still, since it may wait for a lock that a turn holds.
"""

import asyncio
import os
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from contextvars import Context
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import psycopg
from psycopg import AsyncConnection, waiting
from psycopg.pq import TransactionStatus

from ductape.app.configuration.settings import Settings
from ductape.ports.clock import Clock, Ticks
from ductape.ports.stores import Store
from ductape.ports.stores.fleet import Pulse
from ductape.ports.wake import Asker, Hint, Listener
from ductape.stores.postgres.schema.migrating import migrate
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.wake import UNTOLD, UNTOLD_S, PostgresWake
from ductape.stores.postgres.settling.applying import Decide
from ductape.stores.postgres.store import PostgresStore
from ductape.testing import VirtualLoop
from tests.simulation.acting import PROCESS
from tests.simulation.audit import in_postgres
from tests.simulation.grounds import Ground
from tests.simulation.witness import View

KEPT = ("migrations",)
WAIT_S = 0.1
SKEWS_MS = (3_600_000, -3_600_000, 0, 40_000)
"""By how much the machines' own clocks are wrong, one after the other."""


class ServerGround:
    """A schema of a server."""

    def __init__(self, url: str, schema: str, folder: Path) -> None:
        """Stand in a schema that is there; the encryption key lies in the folder."""
        self._url = url
        self._schema = schema
        self._skews_ms = cycle(SKEWS_MS)
        key_file = str(folder / "world.key")
        self.settings: dict[str, object] = {"store": f"{url}?schema={schema}", "key_file": key_file}

    def clock(self, world: Clock) -> Clock:
        """Every machine's own clock is wrong in its own way."""
        return WrongClock(world, next(self._skews_ms))

    async def open(self, settings: Settings, *, decide: Decide, token: str) -> Store:
        """Connect to the server."""
        del token
        engine = Engine(address_of(settings.store), pooled=False)
        wake = LoopWake()
        store = PostgresStore(engine, cast("PostgresWake", wake), decide)
        pulse = store.fleet.pulse
        store.fleet.pulse = lambda: ThreadPulse(pulse())  # type: ignore[method-assign]
        store.clock = _clock_of_the_world  # type: ignore[method-assign]
        # As nobody's tasks: what tends the pool must be there to close it after a death.
        await asyncio.get_running_loop().create_task(engine.open(), context=Context())
        return cast("Store", store)

    def view(self) -> View:
        """Look through a connection of its own."""
        path = f"-c search_path={self._schema}"
        connection = psycopg.connect(self._url, autocommit=True, options=path)

        def ask(sql: str) -> list[tuple[Any, ...]]:
            return connection.execute(sql.encode()).fetchall()

        return View(
            ask=ask,
            change=lambda sql: connection.execute(sql.encode()).rowcount,
            close=connection.close,
            repeat="convert_from(spec, 'UTF8')::jsonb #>> '{{repeat,{0}}}'",
        )


class LoopWake:
    """Hints to this process alone, with the looks that `PostgresWake` takes without one."""

    def __init__(self) -> None:
        """Begin with nobody listening."""
        self._listeners: list[Listener] = []
        self._askers: list[Asker] = []
        self._looking = asyncio.create_task(self._look())

    def tell(self, hint: Hint, jobs: Collection[str] = ()) -> None:
        """Wake every listener."""
        for listener in list(self._listeners):
            listener(hint, jobs)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call back for each hint; the answer ends the listening."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def expect(self, asker: Asker) -> Callable[[], None]:
        """Call back when this process is about to store work; the answer ends that."""
        self._askers.append(asker)
        return lambda: self._askers.remove(asker)

    def announce(self) -> bool:
        """Tell whether an idle worker asks for what is stored next."""
        return any(asker() for asker in self._askers)

    async def aclose(self) -> None:
        """Look no more."""
        self._looking.cancel()
        await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(UNTOLD_S)
            for hint in UNTOLD:
                self.tell(hint)


class ThreadPulse:
    """Beats in a thread while time stands still, so that the answer of a beat is told by the next.

    No process's death ends a beat that is on its way.
    """

    def __init__(self, pulse: Pulse) -> None:
        """Beat by a pulse that blocks."""
        self._pulse = pulse
        self._beating: asyncio.Task[None] | None = None
        self._alive: dict[str, bool] = {}
        self._fault: Exception | None = None

    def beat(self, worker: str, *, now_ms: int, lease_ms: int) -> bool:
        """Begin a beat; tell how the last one went."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        beating = self._beat(loop, worker, now_ms, lease_ms)
        self._beating = loop.create_task(beating, context=Context())
        return self._alive.get(worker, True)

    def close(self) -> None:
        """Give the connection back, after the beat that is on its way."""
        if self._beating is None or self._beating.done():
            self._pulse.close()
        else:
            self._beating.add_done_callback(lambda _: self._pulse.close())

    async def _beat(self, loop: VirtualLoop, worker: str, now_ms: int, lease_ms: int) -> None:
        def beat() -> bool:
            return self._pulse.beat(worker, now_ms=now_ms, lease_ms=lease_ms)

        with loop.standing_still():
            self._alive[worker] = await loop.run_in_executor(None, beat)


class WrongClock:
    """A machine's own clock, wrong by a steady span."""

    def __init__(self, right: Clock, skew_ms: int) -> None:
        """Know the right time, and tell another."""
        self.right = right
        self._skew_ms = skew_ms

    def now_ms(self) -> int:
        """Return the wrong time."""
        return self.right.now_ms() + self._skew_ms


async def _clock_of_the_world(local: Clock, ticks: Ticks) -> Clock:
    """Tell the server's time, which is the world's, whatever the machine's own is."""
    del ticks
    assert isinstance(local, WrongClock)
    return local.right


@contextmanager
def server_ground(url: str) -> Generator[Ground]:
    """Give an empty schema on a server: made for the first world of this process, then emptied."""
    schema = f"world_{os.getpid()}"
    with (
        TemporaryDirectory() as folder,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        _empty(connection, url, schema)
        yield ServerGround(url, schema, Path(folder))


def _empty(connection: psycopg.Connection[Any], url: str, schema: str) -> None:
    asked = (
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'"
    )
    tables = [row[0] for row in connection.execute(asked, (schema,)) if row[0] not in KEPT]
    if tables:
        emptied = "; ".join(f"DELETE FROM {schema}.{table}" for table in tables)  # noqa: S608 (ours)
        connection.execute(emptied.encode())
        return
    asyncio.run(migrate(f"{url}?schema={schema}"))
    for statement in in_postgres(schema):
        connection.execute(statement.encode())


@contextmanager
def standing_connections(loop: VirtualLoop) -> Generator[None]:
    """Let no virtual time pass while a connection waits for its server.

    The connections of a process that has died are cut, whatever they were doing.
    """
    connect = AsyncConnection.connect
    wait = AsyncConnection.wait

    async def connecting(*words: Any, **more: Any) -> Any:  # noqa: ANN401 (the driver's)
        with loop.standing_still():
            return await connect(*words, **more)

    async def standing(
        self: AsyncConnection[Any],
        gen: Any,  # noqa: ANN401 (the driver's)
        interval: float = WAIT_S,
        timeout: float | None = None,
    ) -> Any:  # noqa: ANN401 (the driver's)
        del timeout
        with loop.standing_still():
            try:
                return await waiting.wait_async(gen, self.pgconn.socket, interval=interval)
            except asyncio.CancelledError:
                await _give_up(self, gen, interval)
                raise

    AsyncConnection.connect = connecting  # type: ignore[method-assign]
    AsyncConnection.wait = standing  # type: ignore[method-assign]
    try:
        yield
    finally:
        AsyncConnection.connect = connect  # type: ignore[method-assign]
        AsyncConnection.wait = wait  # type: ignore[method-assign]


async def _give_up(connection: AsyncConnection[Any], gen: Any, interval: float) -> None:  # noqa: ANN401
    """Have the server stop, as the driver does; from a dead process it hears nothing more."""
    owner = PROCESS.get(None)
    if owner is not None and not owner.alive:
        connection.pgconn.finish()
    elif connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
        await connection.cancel_safe(timeout=5)
        try:
            await waiting.wait_async(gen, connection.pgconn.socket, interval=interval)
        except psycopg.errors.QueryCanceled:
            return

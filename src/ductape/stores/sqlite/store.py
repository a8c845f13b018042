"""The embedded store, whole."""

from ductape.errors import StoreError
from ductape.ports.clock import Clock, Ticks
from ductape.stores.along import Along
from ductape.stores.sqlite.copying import SqliteCopying
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.opening import connect
from ductape.stores.sqlite.file.wake import QuietWake, SqliteWake
from ductape.stores.sqlite.fleet import SqliteFleet
from ductape.stores.sqlite.intake.storing import SqliteIntake
from ductape.stores.sqlite.intake.together import ArrivalsAlong
from ductape.stores.sqlite.limits.queues import SqliteQueues
from ductape.stores.sqlite.limits.quotas import SqliteBreakers, SqliteQuotas
from ductape.stores.sqlite.memory import SqliteMemory
from ductape.stores.sqlite.outbox.lending import SqliteTransactions
from ductape.stores.sqlite.products import SqliteProducts
from ductape.stores.sqlite.reading.checking import SqliteChecking
from ductape.stores.sqlite.reading.inspecting import SqliteInspecting
from ductape.stores.sqlite.reading.jobs import SqliteReading
from ductape.stores.sqlite.result_files import SqliteResultFiles
from ductape.stores.sqlite.secrets import SqliteSecrets
from ductape.stores.sqlite.sessions import SqliteSessions
from ductape.stores.sqlite.settling import Decide
from ductape.stores.sqlite.steps import SqliteSteps
from ductape.stores.sqlite.turns.claims import SqliteClaims
from ductape.stores.sqlite.upkeep import SqliteUpkeep


class SqliteStore:
    """One open file, in the parts of `ports.stores`."""

    def __init__(self, engine: Engine, wake: SqliteWake | QuietWake, decide: Decide) -> None:
        """Join the parts."""
        self._engine = engine
        self.wake = wake
        along: ArrivalsAlong = Along(wake.announce)
        self.intake = SqliteIntake(engine, along)
        self.claims = SqliteClaims(engine, decide, along)
        self.queues = SqliteQueues(engine)
        self.reading = SqliteReading(engine)
        self.memory = SqliteMemory(engine)
        self.quotas = SqliteQuotas(engine)
        self.breakers = SqliteBreakers(engine)
        self.steps = SqliteSteps(engine)
        self.result_files = SqliteResultFiles(engine)
        self.fleet = SqliteFleet(engine)
        self.upkeep = SqliteUpkeep(engine)
        self.products = SqliteProducts(engine)
        self.sessions = SqliteSessions(engine)
        self.secrets = SqliteSecrets(engine)
        self.transactions = SqliteTransactions(engine, wake)
        self.copying = SqliteCopying(engine)
        self.checking = SqliteChecking(engine)
        self.inspecting = SqliteInspecting(engine)
        self.path = engine.path

    async def clock(self, local: Clock, ticks: Ticks) -> Clock:  # noqa: ARG002 (the port's)
        """Return this machine's clock: all who use the file are on it."""
        return local

    async def aclose(self) -> None:
        """Finish what is in flight and close; twice is harmless."""
        await self._engine.aclose()
        self.wake.close()


def open_sqlite(path: str, *, decide: Decide, token: str, inline: bool = False) -> SqliteStore:
    """Open a file; `token` names this process's wake-up socket. Raises `StoreError`.

    `inline` runs every step where it is called, for simulated time.
    """
    wake = QuietWake() if inline else _wake(path, token)
    try:
        engine = Engine(path, inline=inline)
    except BaseException:
        wake.close()
        raise
    return SqliteStore(engine, wake, decide)


def _wake(path: str, token: str) -> SqliteWake:
    watcher = connect(path)
    try:
        return SqliteWake(path, watcher, token=token)
    except OSError as error:
        watcher.close()
        raise StoreError(
            f"the folder of wake-up sockets cannot be used: {error}",
            path=path,
            hint="allow writing to the database's folder",
        ) from error
    except StoreError:
        watcher.close()
        raise

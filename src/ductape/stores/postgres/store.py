"""The store for many machines, whole."""

import asyncio

import psycopg

from ductape.ports.clock import Clock, Ticks
from ductape.stores.along import Along
from ductape.stores.postgres.copying import PostgresCopying
from ductape.stores.postgres.fleet import PostgresFleet
from ductape.stores.postgres.intake.riding import PassengerAlong
from ductape.stores.postgres.intake.storing import PostgresIntake
from ductape.stores.postgres.limits.queues import PostgresQueues
from ductape.stores.postgres.limits.quotas import PostgresBreakers, PostgresQuotas
from ductape.stores.postgres.memory import PostgresMemory
from ductape.stores.postgres.outbox.borrowing import Borrowing
from ductape.stores.postgres.outbox.lending import PostgresTransactions
from ductape.stores.postgres.products import PostgresProducts
from ductape.stores.postgres.reading.checking import PostgresChecking
from ductape.stores.postgres.reading.inspecting import PostgresInspecting
from ductape.stores.postgres.reading.jobs import PostgresReading
from ductape.stores.postgres.result_files import PostgresResultFiles
from ductape.stores.postgres.schema.migrating import bring_up_to_date
from ductape.stores.postgres.secrets import PostgresSecrets
from ductape.stores.postgres.server.address import Address, address_of
from ductape.stores.postgres.server.clock import looking, server_clock
from ductape.stores.postgres.server.connecting import connect
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.faults import explain, unanswered
from ductape.stores.postgres.server.locks import lets_nobody_think
from ductape.stores.postgres.server.patience import Unanswered, watched
from ductape.stores.postgres.server.poolers import is_pooled
from ductape.stores.postgres.server.wake import PostgresWake
from ductape.stores.postgres.sessions import PostgresSessions
from ductape.stores.postgres.settling.applying import Decide
from ductape.stores.postgres.steps.records import PostgresSteps
from ductape.stores.postgres.turns.claims import PostgresClaims
from ductape.stores.postgres.upkeep.mending import PostgresUpkeep
from ductape.stores.postgres.upkeep.tidying import Wear


class PostgresStore:
    """One open database, in the parts of `ports.stores`."""

    def __init__(self, engine: Engine, wake: PostgresWake, decide: Decide) -> None:
        """Join the parts."""
        wear = Wear()
        self._engine = engine
        self.wake = wake
        borrowing = Borrowing(engine)
        along: PassengerAlong = Along(wake.announce)
        self.intake = PostgresIntake(engine, borrowing, along)
        self.claims = PostgresClaims(engine, decide, wear, along)
        self.queues = PostgresQueues(engine)
        self.reading = PostgresReading(engine, borrowing)
        self.memory = PostgresMemory(engine)
        self.quotas = PostgresQuotas(engine)
        self.breakers = PostgresBreakers(engine)
        self.steps = PostgresSteps(engine)
        self.result_files = PostgresResultFiles(engine)
        self.fleet = PostgresFleet(engine)
        self.upkeep = PostgresUpkeep(engine, wear)
        self.products = PostgresProducts(engine)
        self.sessions = PostgresSessions(engine)
        self.secrets = PostgresSecrets(engine)
        self.transactions = PostgresTransactions(engine)
        self.copying = PostgresCopying(engine)
        self.checking = PostgresChecking(engine)
        self.inspecting = PostgresInspecting(engine)
        self.shown = engine.address.shown
        self._looking: asyncio.Task[None] | None = None

    async def clock(self, local: Clock, ticks: Ticks) -> Clock:  # noqa: ARG002 (the port's)
        """Return the server's clock; this machine's own, however wrong, is not asked."""
        clock = await server_clock(looking(self._engine, ticks), ticks)
        self.claims.foresees = clock.sharpen
        self._looking = asyncio.create_task(clock.serve(), name="ductape-clock")
        return clock

    async def aclose(self) -> None:
        """Finish what is in flight and close; twice is harmless."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self.intake.aclose()
        await self.steps.aclose()
        await self.memory.aclose()
        await self.wake.aclose()
        await self._engine.aclose()


async def open_postgres(url: str, *, decide: Decide, token: str) -> PostgresStore:
    """Open a database and bring it up to date; `token` is this process's name among hints.

    Raises `StoreError`, or `ConfigError` for a URL that is none.
    """
    address = address_of(url)
    try:
        engine = await _prepared(address)
        wake = PostgresWake(engine, token=token)
        try:
            await engine.open()
            await wake.open()
        except BaseException:
            await engine.aclose()
            raise
    except Unanswered as error:
        raise unanswered(error, address.shown) from error
    except psycopg.Error as error:  # the line broke in the middle
        raise explain(error, address.shown) from error
    return PostgresStore(engine, wake, decide)


async def _prepared(address: Address) -> Engine:
    """Bring the schema up to date and see how the server is reached."""
    connection = await connect(address, pooled=True)
    try:
        with watched(connection):
            pooled = await is_pooled(connection)
            short = await lets_nobody_think(connection)
        await bring_up_to_date(connection, address)
    finally:
        await connection.close()
    return Engine(address, pooled=pooled, short=short)

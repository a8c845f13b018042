"""`Ductape`: what is open, its services, and (where wanted) a worker in this process (SPEC 1)."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Never, Self

from msgspec.structs import replace

from ductape.app.applying import product_service
from ductape.app.blocking import BlockingDuctape
from ductape.app.configuration.origins import Origins, origins_of
from ductape.app.configuration.routing import DEFAULT, StoreView, store_map
from ductape.app.configuration.settings import Settings, read_settings
from ductape.app.configuration.wishes import (
    WorkerWish,
    read_clock,
    read_registries,
    read_store,
    read_worker,
)
from ductape.app.core import Core, Surroundings, open_core
from ductape.app.doctoring import examine_open
from ductape.app.importing import Imports
from ductape.app.processor import JobProcessor, Processor
from ductape.app.staffing import first_outlived, make_worker, options_of, wants_worker
from ductape.errors import DuctapeError, StoreError
from ductape.handlers.python import Handlers
from ductape.ports.clock import Clock
from ductape.ports.stores.fleet import Fleet
from ductape.ports.stores.transactions import Lent
from ductape.services.caches import Caches
from ductape.services.doctor import Report
from ductape.services.features import Features
from ductape.services.healthchecks import HealthService
from ductape.services.intake.at_once import AtOnce
from ductape.services.intake.building import Builder
from ductape.services.intake.scheduling import Scheduling
from ductape.services.jobs.extras import Extras
from ductape.services.jobs.outlasting import Outlasting
from ductape.services.jobs.verbs import Jobs
from ductape.services.jobs.waiting import Waiting
from ductape.services.products.applying import ProductService
from ductape.services.queues import QueueService
from ductape.services.sealing import Sealing
from ductape.services.secrets import Secrets
from ductape.services.sessions import Sessions
from ductape.services.workers import Workers
from ductape.worker.worker import Worker

log = logging.getLogger("ductape")


NOT_TOLD: Origins = {}


class Ductape:
    """The scheduler: open it, use it, close it.

    async with Ductape.open() as ductape:
        receipt = await ductape.processor.job.dispatch({...})
    """

    processor: Processor
    jobs: Jobs
    features: Features
    products: ProductService
    secrets: Secrets
    caches: Caches
    queues: QueueService
    workers: Workers
    health: HealthService
    imports: Imports

    def __init__(
        self,
        settings: Settings,
        handlers: Sequence[Handlers],
        worker: WorkerWish,
        around: Surroundings,
        origins: Origins = NOT_TOLD,
    ) -> None:
        """Use `Ductape.open`; `origins` are those of the settings, for `doctor`."""
        self._settings = settings
        self._registries = handlers
        self._wish = worker
        self._around = around
        self._origins = origins
        self._core: Core | None = None
        self._workers: dict[str, Worker] = {}
        self._hiring = asyncio.Lock()
        self._closing = asyncio.Lock()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Never:
            """Say of the services that they are there once it is open."""
            if name in Ductape.__annotations__:
                raise _not_open()
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @classmethod
    def open(
        cls,
        store: str | None = None,
        *,
        config: str | Path | Mapping[str, object] | None = None,
        handlers: Handlers | Sequence[Handlers] = (),
        worker: WorkerWish = None,
        clock: Clock | None = None,
    ) -> Self:
        """Prepare to open a store; `async with` opens it.

        `store` is a URL such as `sqlite:///jobs.db` or `postgresql://…`, else `ductape.toml`,
        `DUCTAPE_STORE`, or `./ductape.db`; one given here is the only one, whatever stores and
        routes the settings name. `config` is a settings file or mapping. `worker`:
        true, false, or options; none means a worker in this process for SQLite, and none for
        PostgreSQL, which is served by `ductape worker`. `clock` takes the place of this machine's
        clock, by which a SQLite store goes; one on PostgreSQL goes by its server's. Raises
        `ConfigError`.
        """
        settings = read_settings(config)
        if store is not None:
            settings = settings.alone(read_store(store))
        registries, worker = read_registries(handlers), read_worker(worker)
        around = Surroundings() if clock is None else Surroundings(clock=read_clock(clock))
        origins = origins_of(config, arguments=() if store is None else ("store",))
        return cls(settings, registries, worker, around, origins)

    @classmethod
    def sync(
        cls,
        store: str | None = None,
        *,
        config: str | Path | Mapping[str, object] | None = None,
        handlers: Handlers | Sequence[Handlers] = (),
        worker: WorkerWish = None,
        clock: Clock | None = None,
    ) -> BlockingDuctape:
        """Prepare to open a store whose calls block; the arguments are those of `open`."""
        return BlockingDuctape(
            lambda: cls.open(store, config=config, handlers=handlers, worker=worker, clock=clock)
        )

    async def __aenter__(self) -> Self:
        """Open the stores and start their workers; raises `StoreError` or `ConfigError`."""
        if self._core is not None:
            raise DuctapeError("Ductape is open already", hint="call `Ductape.open` once more")
        core = await open_core(self._settings, self._registries, self._around)
        self._core = core
        if core.key_made:
            log.warning("made an encryption key for this store: %s (keep it)", core.key_file)
        self._join(core)
        try:
            for name, url in self._settings.urls().items():
                if wants_worker(self._wish, url):
                    await self._hire(name)
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the worker gracefully and close the store."""
        await self.aclose()

    async def aclose(self, *, grace_ms: int | None = None) -> None:
        """Stop and close; a running run gets the grace time, which to cancel this call cuts short.

        Twice is harmless: who closes what is being closed waits for its end.
        """
        if self._core is not None:
            self._core.refuse_other_loops()
        async with self._closing:
            try:
                async with self._hiring:  # who is being hired goes too
                    workers = list(self._workers.values())
                await asyncio.gather(*(worker.stop(grace_ms=grace_ms) for worker in workers))
            finally:
                core, self._core, self._workers = self._core, None, {}
                if core is not None:
                    await core.aclose()

    def transaction(self) -> AbstractAsyncContextManager[Lent]:
        """Lend a connection to the store's own database, for one transaction.

        async with ductape.transaction() as tx:
            await tx.execute("INSERT INTO orders VALUES (?)", [7])
            await ductape.processor.job.dispatch({...}, transaction=tx)

        It commits at the end of the block and rolls back on an exception. On SQLite nothing else
        is written meanwhile: a block that does nothing for 5 s, or takes 10 s in all, is undone
        and raises `StoreError`.
        """
        return self.core.store.transactions.lend()

    async def doctor(self) -> Report:
        """Look at the store and all that it needs: what is amiss, and what to do about it.

        Cheap whatever the tables hold, and changes nothing. Raises `StoreError`.
        """
        return await examine_open(self.core, self._origins)

    @property
    def core(self) -> Core:
        """What is behind the services; raises `DuctapeError` before opening."""
        if self._core is None:
            raise _not_open()
        return self._core

    @property
    def worker_id(self) -> str | None:
        """The name of this process's worker, as `workers.list` has it; none without one.

        With several stores it is the default one's: `worker_ids` has all.
        """
        return self.worker_ids.get(DEFAULT)

    @property
    def worker_ids(self) -> dict[str, str]:
        """The names of this process's workers, each by the name of its store."""
        return {name: worker.id for name, worker in self._workers.items()}

    async def outlived(self) -> StoreError:
        """Wait until a worker has ended by itself: a migration made this program too old for it."""
        return await first_outlived(self._workers.values())

    async def stores(self) -> list[StoreView]:
        """Tell which stores are open and which products go where; raises `StoreError`."""
        settings = self._settings
        return await store_map(settings.urls(), settings.routes, self.core.stores)

    def _join(self, core: Core) -> None:
        clock, zones = core.around.clock, core.around.zones.get
        sealing = Sealing(core.vault)
        extras = Extras()
        outlasting = Outlasting()
        waiting = Waiting(core.store, sealing, extras, outlasting)
        builder = Builder(
            core.catalog,
            core.opener,
            core.vault,
            clock,
            core.around.entropy,
            zones,
            core.telling,
        )
        limits = self._settings.limits.limits()
        scheduling = Scheduling(core.store, builder, core.catalog, clock, zones, limits)
        at_once = AtOnce(core.store, builder, core.catalog, waiting, clock, zones, limits)
        self.processor = Processor(
            JobProcessor(scheduling, waiting, core.store.reading, self._fleet_of, clock),
            Sessions(core.catalog, core.tokens, core.store.sessions),
            at_once,
            self._own_worker,
        )
        self.features = Features(core.store, core.catalog, clock, sealing)
        self.jobs = Jobs(core.store, core.settler, clock, zones, sealing, extras, outlasting)
        self.products = product_service(core, scheduling, limits)
        self.health = HealthService(core.store)
        self.secrets = core.secrets
        self.caches = Caches(core.store, clock, sealing)
        self.queues = QueueService(core.store.queues, core.store.wake, clock)
        self.workers = Workers(core.store.fleet, clock)
        self.imports = Imports(core.outside.http)

    def _fleet_of(self, product: str) -> Fleet:
        core = self.core
        return core.stores[core.store_of(product)].fleet

    async def _own_worker(self, product: str) -> Worker:
        """Return this process's worker for a product; without one, one that claims nothing."""
        name = self.core.store_of(product)
        async with self._hiring:
            if name not in self._workers:
                if self._closing.locked():
                    raise DuctapeError("Ductape is being closed", hint="open it again")
                await self._hire(name, claims=False)
            return self._workers[name]

    async def _hire(self, store: str, *, claims: bool = True) -> None:
        options = options_of(self._wish, self._settings)
        options = options if claims else replace(options, claims=False)
        worker = make_worker(self.core.of_store(store), options)
        await worker.start()
        self._workers[store] = worker


def _not_open() -> DuctapeError:
    return DuctapeError("Ductape is not open", hint="use `async with Ductape.open() as ductape:`")

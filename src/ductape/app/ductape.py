"""`Ductape`: one open store, its services, and (where wanted) a worker in this process (SPEC 1)."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from ductape.app.blocking import BlockingDuctape
from ductape.app.core import Core, Surroundings, open_core
from ductape.app.doctoring import examine_open
from ductape.app.loading import is_postgres
from ductape.app.origins import Origins, origins_of
from ductape.app.processor import (
    ActionProcessor,
    JobProcessor,
    NotificationProcessor,
    Processor,
)
from ductape.app.settings import Settings, read_settings
from ductape.app.staffing import make_worker
from ductape.catalog import load_document
from ductape.domain.request import JobEventTypes
from ductape.errors import DuctapeError
from ductape.handlers.python import Handlers
from ductape.ports.clock import Clock
from ductape.services.at_once import AtOnce
from ductape.services.building import Builder
from ductape.services.caches import Caches
from ductape.services.doctor import Report
from ductape.services.jobs import Jobs
from ductape.services.products import ProductService
from ductape.services.queues import QueueService
from ductape.services.scheduling import Scheduling
from ductape.services.secrets import Secrets
from ductape.services.sessions import Sessions
from ductape.services.stranding import Stranding
from ductape.services.waiting import Waiting
from ductape.services.workers import Workers
from ductape.worker.options import WorkerOptions
from ductape.worker.worker import Worker

log = logging.getLogger("ductape")

WorkerWish = bool | WorkerOptions | None

NOT_TOLD: Origins = {}


class Ductape:
    """The scheduler: open it, use it, close it.

    async with Ductape.open() as ductape:
        receipt = await ductape.processor.job.dispatch({...})
    """

    processor: Processor
    jobs: Jobs
    products: ProductService
    secrets: Secrets
    caches: Caches
    queues: QueueService
    workers: Workers

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
        self._worker: Worker | None = None
        self._hiring = asyncio.Lock()

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
        `DUCTAPE_STORE`, or `./ductape.db`. `config` is a settings file or mapping. `worker`:
        true, false, or options; none means a worker in this process for SQLite, and none for
        PostgreSQL, which is served by `ductape worker`. Raises `ConfigError`.
        """
        settings = read_settings(config)
        if store is not None:
            settings = replace(settings, store=store)
        registries = [handlers] if isinstance(handlers, Handlers) else list(handlers)
        around = Surroundings() if clock is None else Surroundings(clock=clock)
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
        """Open the store and start the worker; raises `StoreError` or `ConfigError`."""
        core = await open_core(self._settings, self._registries, self._around)
        self._core = core
        if core.key_made:
            log.warning("made an encryption key for this store: %s (keep it)", core.key_file)
        self._join(core)
        if self._wants_worker():
            self._worker = await self._hire(self._worker_options())
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
        """Stop and close; a running run gets the grace time. Twice is harmless."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop(grace_ms=grace_ms)
        core, self._core = self._core, None
        if core is not None:
            await core.aclose()

    async def doctor(self) -> Report:
        """Look at the store and all that it needs: what is amiss, and what to do about it.

        Cheap whatever the tables hold, and changes nothing. Raises `StoreError`.
        """
        return await examine_open(self.core, self._origins)

    @property
    def core(self) -> Core:
        """What is behind the services; raises `DuctapeError` before opening."""
        if self._core is None:
            raise DuctapeError(
                "Ductape is not open", hint="use `async with Ductape.open() as ductape:`"
            )
        return self._core

    @property
    def worker_id(self) -> str | None:
        """The name of this process's worker, as `workers.list` has it; none without one."""
        return None if self._worker is None else self._worker.id

    def _join(self, core: Core) -> None:
        clock, zones = core.around.clock, core.around.zones.get
        waiting = Waiting(core.store)
        builder = Builder(core.catalog, core.opener, core.vault, clock, core.around.entropy, zones)
        limits = self._settings.limits.limits()
        scheduling = Scheduling(core.store, builder, core.catalog, clock, zones, limits)
        at_once = AtOnce(core.store, builder, core.catalog, waiting, clock, zones, limits)
        self.processor = Processor(
            JobProcessor(scheduling, waiting, core.store, clock),
            Sessions(core.catalog, core.tokens, core.store.sessions),
            ActionProcessor(at_once, JobEventTypes.ACTION, self._own_worker),
            NotificationProcessor(at_once, JobEventTypes.NOTIFICATION, self._own_worker),
        )
        self.jobs = Jobs(core.store, core.settler, clock, zones)
        self.products = ProductService(
            core.store.products,
            Stranding(core.store.reading, core.known_handlers),
            load=load_document,
            secret_names=core.store.secrets.names,
            clock=clock,
        )
        self.secrets = core.secrets
        self.caches = Caches(core.store, clock)
        self.queues = QueueService(core.store.queues, core.store.wake)
        self.workers = Workers(core.store.fleet, clock)

    def _wants_worker(self) -> bool:
        if self._wish is None:
            return not is_postgres(self._settings.store)
        return self._wish is not False

    def _worker_options(self) -> WorkerOptions:
        if isinstance(self._wish, WorkerOptions):
            return self._wish
        return self._settings.worker_options()

    async def _own_worker(self) -> Worker:
        """Return the worker of this process; without one, one that claims nothing."""
        async with self._hiring:
            if self._worker is None:
                options = replace(self._worker_options(), claims=False)
                self._worker = await self._hire(options)
            return self._worker

    async def _hire(self, options: WorkerOptions) -> Worker:
        worker = make_worker(self.core, options)
        await worker.start()
        return worker

"""Opening a store and joining what stands between it and the services (DESIGN 2)."""

from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from ductape.app.configuration.loading import load_handlers
from ductape.app.configuration.routing import DEFAULT
from ductape.app.configuration.settings import Settings
from ductape.app.opening import OpenStore, key_ring, open_store, open_stores
from ductape.app.outside import Outside, ways_out
from ductape.app.system import SystemClock, SystemEntropy, SystemTicks
from ductape.app.zones import PackagedZones
from ductape.catalog import ProductCatalog
from ductape.errors import DuctapeError
from ductape.handlers.python import Handlers, PythonHandler
from ductape.ports.clock import Clock, Ticks
from ductape.ports.entropy import Entropy
from ductape.ports.stores import Store
from ductape.ports.threads import Threads
from ductape.ports.vault import Vault
from ductape.ports.zones import Zones
from ductape.services.intake.building import Builder
from ductape.services.intake.ordering import Ordering
from ductape.services.intake.scheduling import Scheduling
from ductape.services.secrets import Secrets
from ductape.services.settling import Decide, Settler, decider
from ductape.services.telling import Telling
from ductape.sessions.opening import CatalogOpener
from ductape.sessions.tokens import SessionTokens
from ductape.stores.routed.clock import EarliestClock
from ductape.stores.routed.store import RoutedStore
from ductape.vault.checking import check_ring
from ductape.vault.sealing import RingVault
from ductape.worker.threads import WorkerThreads


@dataclass(frozen=True)
class Surroundings:
    """What the engine takes from the world."""

    clock: Clock = field(default_factory=SystemClock)
    """This machine's clock until a store is open, then the one that the store goes by; of several
    stores the earliest."""
    ticks: Ticks = field(default_factory=SystemTicks)
    entropy: Entropy = field(default_factory=SystemEntropy)
    zones: Zones = field(default_factory=PackagedZones)
    threads: Threads = field(default_factory=WorkerThreads)
    simulated: bool = False
    """Everything on the event loop: no thread whose time cannot be simulated."""
    open_store: OpenStore | None = None
    """What opens each store; none means what its URL asks for."""


@dataclass(frozen=True)
class Core:
    """What is open, and what is joined over one store, or over several that look like one."""

    settings: Settings
    around: Surroundings
    store: Store
    """What the rest works on."""
    stores: Mapping[str, Store]
    """Each store by its name, the default one first."""
    clocks: Mapping[str, Clock]
    """The clock that each store goes by."""
    decide: Decide
    telling: Telling
    vault: Vault
    key_file: Path | None
    """Where the embedded default keeps its keys; none where they were given."""
    key_made: bool
    outside: Outside
    """What reaches out of this process for products."""
    python: PythonHandler
    loop: AbstractEventLoop = field(default_factory=get_running_loop)
    """The one that all of it was opened in."""

    @cached_property
    def secrets(self) -> Secrets:
        """The products' secrets."""
        return Secrets(self.store.secrets, self.vault, self.around.clock)

    @cached_property
    def catalog(self) -> ProductCatalog:
        """The products' definitions."""
        return ProductCatalog(self.store.products, self.known_handlers, self.secrets)

    @cached_property
    def tokens(self) -> SessionTokens:
        """What issues and opens session tokens."""
        clock, entropy = self.around.clock, self.around.entropy
        return SessionTokens(self.vault, self.store.sessions, clock, entropy)

    @cached_property
    def opener(self) -> CatalogOpener:
        """What opens the session that a request names."""
        return CatalogOpener(self.catalog, self.tokens, self.store.sessions)

    @cached_property
    def ordering(self) -> Ordering:
        """What stores the jobs that other jobs order."""
        around, limits = self.around, self.settings.limits.limits()
        clock, zones = around.clock, around.zones.get
        builder = Builder(
            self.catalog, self.opener, self.vault, clock, around.entropy, zones, self.telling
        )
        scheduling = Scheduling(self.store, builder, self.catalog, clock, zones, limits)
        return Ordering(scheduling, self.catalog, self.store.queues, clock)

    @cached_property
    def settler(self) -> Settler:
        """What settles runs outside of a worker's turn."""
        return Settler(self.store, self.around.clock, self.decide, self.telling, self.catalog)

    async def known_handlers(self, tags: frozenset[str]) -> frozenset[str]:
        """Tell which handler tags are known: this process's own, or announced by a worker."""
        own = tags & self.python.tags()
        rest = tags - own
        return own | await self.store.fleet.known_handlers(rest) if rest else own

    def store_of(self, product: str) -> str:
        """Name the store that a product's jobs are in."""
        return self.settings.routes.get(product, DEFAULT)

    def of_store(self, name: str) -> "Core":
        """Return what is joined over one store alone: what its worker works with."""
        store = self.stores[name]
        around = replace(self.around, clock=self.clocks[name])
        return self if store is self.store else replace(self, store=store, around=around)

    def refuse_other_loops(self) -> None:
        """Raise `DuctapeError` in any other event loop than that in which it was opened."""
        if get_running_loop() is not self.loop:
            raise DuctapeError(
                "Ductape was opened in another event loop",
                hint="close it there; for other threads there is `Ductape.sync`",
            )

    async def aclose(self) -> None:
        """Close the connections and the stores; twice is harmless."""
        await self.outside.aclose()
        await self.store.aclose()
        self.store.wake.tell("settled")  # who waits for a job looks again, and hears of the end


async def open_core(settings: Settings, handlers: Sequence[Handlers], around: Surroundings) -> Core:
    """Open the stores with their keys; raises `StoreError` or `ConfigError`."""
    registries = [*handlers, *(load_handlers(name) for name in settings.handlers)]
    python = PythonHandler(registries, around.threads)
    telling = Telling(around.entropy, around.zones.get)
    decide = decider(around.entropy, around.zones.get, telling)
    token = around.entropy.token(6).hex()
    open_one = around.open_store or partial(open_store, simulated=around.simulated)
    stores = await open_stores(settings, open_one, decide=decide, token=token)
    store = _as_one(stores, settings.routes)
    try:
        clocks = await _clocks(stores, around)
        around = replace(around, clock=_earliest(clocks))
        ring, key_file, made = key_ring(settings, around.entropy)
        vault = RingVault(ring, around.entropy)
        for one in stores.values():
            await check_ring(vault, one.secrets, now_ms=around.clock.now_ms())
    except BaseException:
        await store.aclose()
        raise
    secrets = Secrets(store.secrets, vault, around.clock)
    return Core(
        settings=settings,
        around=around,
        store=store,
        stores=stores,
        clocks=clocks,
        decide=decide,
        telling=telling,
        vault=vault,
        key_file=key_file,
        key_made=made,
        outside=ways_out(settings, around.clock, around.entropy, around.threads, secrets),
        python=python,
    )


async def _clocks(stores: Mapping[str, Store], around: Surroundings) -> dict[str, Clock]:
    """Ask each store which clock it goes by."""
    return {name: await one.clock(around.clock, around.ticks) for name, one in stores.items()}


def _earliest(clocks: Mapping[str, Clock]) -> Clock:
    return clocks[DEFAULT] if len(clocks) == 1 else EarliestClock(clocks.values())


def _as_one(stores: Mapping[str, Store], routes: Mapping[str, str]) -> Store:
    """Return the only store as it is; several behind their routes."""
    return stores[DEFAULT] if len(stores) == 1 else RoutedStore(stores, routes)

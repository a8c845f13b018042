"""Opening a store and joining what stands between it and the services (DESIGN 2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ductape.app.loading import load_handlers
from ductape.app.opening import key_ring, open_store
from ductape.app.settings import Settings
from ductape.app.system import SystemClock, SystemEntropy
from ductape.app.zones import PackagedZones
from ductape.catalog import KnownHandlers, ProductCatalog
from ductape.domain.egress import EgressPolicy
from ductape.handlers.python import Handlers, PythonHandler
from ductape.ports.clock import Clock
from ductape.ports.entropy import Entropy
from ductape.ports.stores import Store
from ductape.ports.threads import Threads
from ductape.ports.vault import Vault
from ductape.ports.zones import Zones
from ductape.providers.http import AiohttpClient
from ductape.services.secrets import Secrets
from ductape.services.settling import Settler, decider
from ductape.sessions.opening import CatalogOpener
from ductape.sessions.tokens import SessionTokens
from ductape.vault.checking import check_ring
from ductape.vault.sealing import RingVault
from ductape.worker.threads import WorkerThreads


@dataclass(frozen=True)
class Surroundings:
    """What the engine takes from the world."""

    clock: Clock = field(default_factory=SystemClock)
    entropy: Entropy = field(default_factory=SystemEntropy)
    zones: Zones = field(default_factory=PackagedZones)
    threads: Threads = field(default_factory=WorkerThreads)
    simulated: bool = False
    """Everything on the event loop: no thread whose time cannot be simulated."""


@dataclass(frozen=True)
class Core:
    """One open store and what belongs to it."""

    settings: Settings
    around: Surroundings
    store: Store
    vault: Vault
    key_file: Path | None
    """Where the embedded default keeps its keys; none where they were given."""
    key_made: bool
    known_handlers: KnownHandlers
    catalog: ProductCatalog
    tokens: SessionTokens
    opener: CatalogOpener
    settler: Settler
    secrets: Secrets
    policy: EgressPolicy
    """What definitions may reach: the embedded default grants this machine itself."""
    http: AiohttpClient
    python: PythonHandler

    async def aclose(self) -> None:
        """Close the connections and the store; twice is harmless."""
        await self.http.aclose()
        await self.store.aclose()


async def open_core(settings: Settings, handlers: Sequence[Handlers], around: Surroundings) -> Core:
    """Open a store with its keys; raises `StoreError` or `ConfigError`."""
    registries = [*handlers, *(load_handlers(name) for name in settings.handlers)]
    python = PythonHandler(registries, around.threads)
    decide = decider(around.entropy, around.zones.get)
    token = around.entropy.token(6).hex()
    store = await open_store(settings, decide=decide, token=token, simulated=around.simulated)
    try:
        ring, key_file, made = key_ring(settings, around.entropy)
        vault = RingVault(ring, around.entropy)
        await check_ring(vault, store.secrets, now_ms=around.clock.now_ms())
    except BaseException:
        await store.aclose()
        raise
    known = _known_handlers(store, python)
    secrets = Secrets(store.secrets, vault, around.clock)
    catalog = ProductCatalog(store.products, known, secrets)
    policy = EgressPolicy(settings.egress.allow_private, grant_loopback=True)
    tokens = SessionTokens(vault, store.sessions, around.clock, around.entropy)
    return Core(
        settings=settings,
        around=around,
        store=store,
        vault=vault,
        key_file=key_file,
        key_made=made,
        known_handlers=known,
        catalog=catalog,
        tokens=tokens,
        opener=CatalogOpener(catalog, tokens, store.sessions),
        settler=Settler(store, around.clock, decide),
        secrets=secrets,
        policy=policy,
        http=AiohttpClient(policy),
        python=python,
    )


def _known_handlers(store: Store, python: PythonHandler) -> KnownHandlers:
    """Return what tells known handler tags: this process's own, or announced by a worker."""

    async def known(tags: frozenset[str]) -> frozenset[str]:
        own = tags & python.tags()
        rest = tags - own
        return own | await store.fleet.known_handlers(rest) if rest else own

    return known

"""Several stores that look like one, in the parts of `ports.stores`: services know no routes.

What belongs to a single store (a worker, its lease, upkeep, copying, looking over) is refused here;
whoever needs it takes that store.
"""

from collections.abc import Mapping

from ductape.ports.clock import Clock, Ticks
from ductape.ports.stores import Store
from ductape.ports.stores.checking import Checking
from ductape.ports.stores.copying import Copying
from ductape.ports.stores.inspecting import Inspecting
from ductape.ports.stores.result_files import ResultFiles
from ductape.ports.stores.transactions import Transactions
from ductape.ports.stores.upkeep import Upkeep
from ductape.stores.routed.definitions import (
    RoutedMemory,
    RoutedProducts,
    RoutedSecrets,
    RoutedSessions,
)
from ductape.stores.routed.fleet import RoutedFleet, RoutedWake
from ductape.stores.routed.jobs import RoutedClaims, RoutedIntake, RoutedReading
from ductape.stores.routed.places import Places, of_one_store
from ductape.stores.routed.queues import RoutedQueues
from ductape.stores.routed.quotas import RoutedBreakers, RoutedQuotas
from ductape.stores.routed.steps import RoutedSteps


class RoutedStore:
    """The open stores of one process."""

    def __init__(self, stores: Mapping[str, Store], routes: Mapping[str, str]) -> None:
        """Take open stores by name, the default one first, and the store's name of each product."""
        places = Places(stores, routes)
        self._places = places
        self.intake = RoutedIntake(places)
        self.claims = RoutedClaims(places)
        self.reading = RoutedReading(places)
        self.memory = RoutedMemory(places)
        self.quotas = RoutedQuotas(places)
        self.breakers = RoutedBreakers(places)
        self.steps = RoutedSteps(places)
        self.fleet = RoutedFleet(places)
        self.products = RoutedProducts(places)
        self.sessions = RoutedSessions(places)
        self.secrets = RoutedSecrets(places)
        self.queues = RoutedQueues(places)
        self.wake = RoutedWake(places)

    @property
    def upkeep(self) -> Upkeep:
        """Refuse: each store is kept up by its own workers."""
        raise of_one_store("upkeep")

    @property
    def result_files(self) -> ResultFiles:
        """Refuse: each store's own workers look after them."""
        raise of_one_store("files of results")

    @property
    def copying(self) -> Copying:
        """Refuse: one store is copied at a time."""
        raise of_one_store("copying")

    @property
    def checking(self) -> Checking:
        """Refuse: one store is looked over at a time."""
        raise of_one_store("looking over")

    @property
    def inspecting(self) -> Inspecting:
        """Refuse: one store is examined at a time."""
        raise of_one_store("examining")

    @property
    def transactions(self) -> Transactions:
        """Lend from the default store: a transaction is in one database."""
        return self._places.default.transactions

    async def clock(self, local: Clock, ticks: Ticks) -> Clock:  # noqa: ARG002 (the port's)
        """Refuse: each store has a clock of its own (`routed.clock` joins them)."""
        raise of_one_store("the clock")

    async def aclose(self) -> None:
        """Close every store; twice is harmless."""
        await self._places.from_all(lambda store: store.aclose())

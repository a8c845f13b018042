"""What the engine needs of a database, cut by who calls (DESIGN 2).

Every method is one transaction, takes and returns `domain` values, and has `now_ms` as an
argument. A store decides nothing but who was first.
"""

from typing import Protocol

from ductape.ports.clock import Clock, Ticks
from ductape.ports.stores.checking import Checking
from ductape.ports.stores.claims import Claims
from ductape.ports.stores.copying import Copying
from ductape.ports.stores.fleet import Fleet
from ductape.ports.stores.inspecting import Inspecting
from ductape.ports.stores.intake import Intake
from ductape.ports.stores.memory import Memory
from ductape.ports.stores.products import Products
from ductape.ports.stores.queues import Queues
from ductape.ports.stores.quotas import Breakers, Quotas
from ductape.ports.stores.reading import Reading
from ductape.ports.stores.result_files import ResultFiles
from ductape.ports.stores.secrets import SecretRows
from ductape.ports.stores.sessions import SessionRows
from ductape.ports.stores.steps import Steps
from ductape.ports.stores.transactions import Transactions
from ductape.ports.stores.upkeep import Upkeep
from ductape.ports.wake import Wake


class Store(Protocol):
    """One open database."""

    @property
    def intake(self) -> Intake:
        """Storing jobs."""
        ...

    @property
    def claims(self) -> Claims:
        """Claiming and settling runs."""
        ...

    @property
    def reading(self) -> Reading:
        """Looking at jobs."""
        ...

    @property
    def queues(self) -> Queues:
        """Pausing and limiting queues."""
        ...

    @property
    def memory(self) -> Memory:
        """Cached results."""
        ...

    @property
    def quotas(self) -> Quotas:
        """What was used of quotas."""
        ...

    @property
    def breakers(self) -> Breakers:
        """Which providers keep failing."""
        ...

    @property
    def steps(self) -> Steps:
        """What the steps of runs have come to."""
        ...

    @property
    def result_files(self) -> ResultFiles:
        """Which files hold large results."""
        ...

    @property
    def fleet(self) -> Fleet:
        """Workers and their leases."""
        ...

    @property
    def upkeep(self) -> Upkeep:
        """Mending and pruning."""
        ...

    @property
    def products(self) -> Products:
        """Product versions."""
        ...

    @property
    def sessions(self) -> SessionRows:
        """Sessions and the users seen."""
        ...

    @property
    def secrets(self) -> SecretRows:
        """Sealed secrets and the key ring's check values."""
        ...

    @property
    def transactions(self) -> Transactions:
        """Lending connections to callers."""
        ...

    @property
    def copying(self) -> Copying:
        """Reading it whole, and filling an empty one."""
        ...

    @property
    def checking(self) -> Checking:
        """Looking it over."""
        ...

    @property
    def wake(self) -> Wake:
        """Hints between processes."""
        ...

    @property
    def inspecting(self) -> Inspecting:
        """The database itself."""
        ...

    async def clock(self, local: Clock, ticks: Ticks) -> Clock:
        """Return the time that counts here: the server's where there is one, else `local`.

        `ticks` measure what passes between two looks at the server's. Asked once, right after
        opening. Raises `StoreError`.
        """
        ...

    async def aclose(self) -> None:
        """Finish what is in flight and close; twice is harmless."""
        ...

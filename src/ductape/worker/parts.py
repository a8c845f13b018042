"""What a worker is made of: the composition root joins it, the worker uses it."""

from collections.abc import Callable
from dataclasses import dataclass

from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.fleet import WorkerRecord
from ductape.services.settling import Settler
from ductape.worker.attempt.running import Running
from ductape.worker.duties.clearing import Clearing
from ductape.worker.duties.upkeep import Upkeep
from ductape.worker.heartbeat import LeaseLost, LoopHeartbeat, ThreadHeartbeat

Heart = ThreadHeartbeat | LoopHeartbeat


@dataclass(frozen=True)
class Parts:
    """The parts of one worker."""

    store: Store
    running: Running
    settler: Settler
    upkeep: Upkeep
    clearing: Clearing
    clock: Clock
    identify: Callable[[], WorkerRecord]
    """Makes a fresh identity."""
    heart: Callable[[LeaseLost], Heart]
    """Makes the heartbeat, which calls back when the lease is lost."""

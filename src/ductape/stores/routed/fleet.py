"""Workers and hints of several stores; a worker itself, and its lease, are of one."""

from collections.abc import Callable, Collection, Sequence

from ductape.domain.job import Claim
from ductape.ports.stores.fleet import Pulse, WorkerRecord
from ductape.ports.wake import Asker, Hint, Listener
from ductape.stores.routed.places import Places, of_one_store


class RoutedFleet:
    """Who works."""

    def __init__(self, places: Places) -> None:
        """Ask every store."""
        self._places = places

    async def register(self, worker: WorkerRecord, *, now_ms: int, lease_ms: int) -> None:
        """Refuse: a worker is one store's."""
        del worker, now_ms, lease_ms
        raise of_one_store("a worker")

    def pulse(self) -> Pulse:
        """Refuse: a lease is one store's."""
        raise of_one_store("a lease")

    async def leave(self, worker: str) -> None:
        """Take a worker off the list."""
        await self._places.from_all(lambda store: store.fleet.leave(worker))

    async def workers(self, *, now_ms: int) -> list[WorkerRecord]:
        """List the live ones of every store."""
        found = await self._places.from_all(lambda store: store.fleet.workers(now_ms=now_ms))
        return [worker for workers in found for worker in workers]

    async def known_handlers(self, tags: frozenset[str]) -> frozenset[str]:
        """Tell which of the tags some worker has announced, ever, in any store."""
        found = await self._places.from_all(lambda store: store.fleet.known_handlers(tags))
        return frozenset[str]().union(*found)

    async def lost(self, *, now_ms: int, limit: int) -> list[Claim]:
        """List running runs whose worker's lease, or whose own deadline and grace, has passed."""
        found = await self._places.from_all(lambda s: s.fleet.lost(now_ms=now_ms, limit=limit))
        return [claim for claims in found for claim in claims][:limit]


class RoutedWake:
    """Tells the processes of every store, and hears of all of them."""

    def __init__(self, places: Places) -> None:
        """Tell where the jobs are, or, for a hint that names none, everywhere."""
        self._places = places

    def tell(self, hint: Hint, jobs: Collection[str] = ()) -> None:
        """Wake every listener of every live process of the stores; called after a commit."""
        for store in self._places.of_jobs(jobs):
            store.wake.tell(hint, jobs)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call back on the event loop for each hint; the answer ends the listening."""
        return _all_of([store.wake.listen(listener) for store in self._places.all])

    def expect(self, asker: Asker) -> Callable[[], None]:
        """Call back when this process is about to store work anywhere; the answer ends that."""
        return _all_of([store.wake.expect(asker) for store in self._places.all])


def _all_of(leaves: Sequence[Callable[[], None]]) -> Callable[[], None]:
    def leave() -> None:
        for end in leaves:
            end()

    return leave

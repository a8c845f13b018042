"""Jobs that are ordered by other jobs: what `ports.dispatch` asks, answered by `Scheduling`."""

from collections.abc import Sequence

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.references import literal, needs_resolving
from ductape.errors import Conflict, NotFound, ValidationError
from ductape.ports.catalog import Catalog
from ductape.ports.clock import Clock
from ductape.ports.dispatch import Order
from ductape.ports.stores.queues import Queues
from ductape.services.intake.scheduling import Scheduling


class Ordering:
    """Implements `ports.dispatch.Dispatch`."""

    def __init__(
        self, scheduling: Scheduling, catalog: Catalog, queues: Queues, clock: Clock
    ) -> None:
        """Store through `scheduling`."""
        self._scheduling = scheduling
        self._catalog = catalog
        self._queues = queues
        self._clock = clock

    async def refuse_unknown(self, product: str, env: str, event: str, app: str | None) -> None:
        """Raise `NotFound` where there is no such event.

        What else may be wrong depends on the input, and is told when there is one.
        """
        try:
            await self._catalog.resolve(product, env, event, app, {})
        except NotFound as error:
            if error.path != "event":
                return
            raise
        except ValidationError:
            return

    async def dispatch(self, order: Order) -> bool:
        """Store a job; a known key means that it is stored already, however it differs."""
        try:
            placed = await self._scheduling.place(_request(order))
        except Conflict:
            return False
        return placed.number is not None

    async def dispatch_many(self, orders: Sequence[Order]) -> list[bool]:
        """Store jobs in one transaction, all or none."""
        placed = await self._scheduling.place_many([_request(order) for order in orders])
        return [one.number is not None for one in placed]

    async def waiting(self, queue: str) -> int:
        """Count the runs of a queue that are due and wait."""
        records = await self._queues.all(now_ms=self._clock.now_ms())
        return next((one.queued for one in records if one.name == queue), 0)


def _request(order: Order) -> dict[str, object]:
    request: dict[str, object] = {
        "product_tag": order.product,
        "env": order.env,
        "event": order.event,
        "input": _as_it_is(order.input),
        "start_at": 0,
        "key": order.key,
        "queue": order.queue,
        "metadata": order.metadata,
    }
    return request if order.app is None else {**request, "app": order.app}


def _as_it_is(given: JsonObject) -> JsonObject:
    """Keep whatever looks like a reference from being taken for one."""
    return {
        name: literal(value) if needs_resolving(value) else value for name, value in given.items()
    }

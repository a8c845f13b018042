"""The messages of one fetch become jobs together, and one by one where one of them is at fault."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from ductape.domain.definitions.broker import BrokerServer, BrokerTopic, TopicTarget
from ductape.domain.inputs.topic import Subscription
from ductape.domain.request import JobEventTypes
from ductape.errors import Conflict, DuctapeError, StoreError, invalid
from ductape.handlers.broker.taking import Taken, Taking
from ductape.ports.broker import Brokers, Delivery
from ductape.ports.dispatch import Order
from tests.unit.handlers.builders import an_invocation

TARGET = TopicTarget("bus", BrokerServer("redis"), BrokerTopic("orders", "orders"))


@dataclass
class Jobs:
    """Stores what is ordered; refuses what it is told to."""

    refused: dict[bytes, DuctapeError] = field(default_factory=dict[bytes, DuctapeError])
    """By what stands in the order's input."""
    down: StoreError | None = None
    stored: dict[str, Order] = field(default_factory=dict[str, Order])
    together: int = 0
    alone: int = 0

    async def refuse_unknown(self, product: str, env: str, event: str, app: str | None) -> None:
        raise NotImplementedError

    async def dispatch(self, order: Order) -> bool:
        self.alone += 1
        try:
            return self._store([order])[0]
        except Conflict:
            return False

    async def dispatch_many(self, orders: Sequence[Order]) -> list[bool]:
        self.together += 1
        return self._store(orders)

    async def waiting(self, queue: str) -> int:
        raise NotImplementedError

    def _store(self, orders: Sequence[Order]) -> list[bool]:
        if self.down is not None:
            raise self.down
        for order in orders:
            refusal = self.refused.get(str(order.input["body"]).encode())
            if refusal is not None:
                raise refusal
        new = [order.key not in self.stored for order in orders]
        self.stored |= {order.key: order for order in orders}
        return new


def taking(jobs: Jobs) -> Taking:
    invocation = an_invocation(JobEventTypes.SUBSCRIBE, {}, {})
    return Taking(invocation, TARGET, Subscription("take"), "g", cast("Brokers", None), jobs)


def deliveries(*bodies: bytes) -> list[Delivery]:
    return [Delivery(f"{at}-0", body, mark=None) for at, body in enumerate(bodies)]


def fates(taken: Sequence[Taken | BaseException]) -> list[str]:
    return [one.fate if isinstance(one, Taken) else type(one).__name__ for one in taken]


async def test_messages_of_one_fetch_are_stored_together() -> None:
    jobs = Jobs()
    taker = taking(jobs)
    assert fates(await taker.take_all(deliveries(b"a", b"b"))) == ["new", "new"]
    assert fates(await taker.take_all(deliveries(b"a", b"b", b"c"))) == ["known", "known", "new"]
    assert (jobs.together, jobs.alone) == (2, 0)


async def test_one_at_fault_does_not_keep_the_others_from_being_stored() -> None:
    jobs = Jobs({b"b": invalid("input", "another one", "b")})
    assert fates(await taking(jobs).take_all(deliveries(b"a", b"b", b"c"))) == [
        "new",
        "again",
        "new",
    ]


async def test_a_message_that_comes_twice_in_one_fetch_is_one_job() -> None:
    jobs = Jobs()
    (one,) = deliveries(b"a")
    assert sorted(fates(await taking(jobs).take_all([one, one]))) == ["known", "new"]
    assert len(jobs.stored) == 1


async def test_a_known_message_that_differs_is_known_all_the_same() -> None:
    jobs = Jobs({b"b": Conflict("another one has this key", path="key")})
    assert fates(await taking(jobs).take_all(deliveries(b"a", b"b"))) == ["new", "known"]


async def test_a_store_that_is_away_is_asked_once() -> None:
    jobs = Jobs(down=StoreError("away"))
    with pytest.raises(StoreError):
        await taking(jobs).take_all(deliveries(b"a", b"b"))
    assert (jobs.together, jobs.alone) == (1, 0)

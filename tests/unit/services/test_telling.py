"""Who is told is known by product and version, read once, and decided without waiting."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest
from msgspec.structs import replace

from ductape.domain.job import Claim, Run
from ductape.domain.outcome import Success
from ductape.domain.webhooks.events import EVENTS
from ductape.domain.webhooks.subscription import Subscription, Subscriptions
from ductape.errors import NotFound
from ductape.ports.catalog import Catalog
from ductape.services.telling import LOOK_AGAIN_MS, MOST_VERSIONS, Telling
from ductape.testing.entropy import SeededEntropy
from tests.builders import NOW_MS, ZONES, a_new_job, a_run, decide

EVERYTHING = Subscription("partner", frozenset({"prd"}), frozenset(EVENTS))


@dataclass
class Products:
    """The part of a catalog that is asked here: each version tells those that it has."""

    told: dict[int, Subscriptions] = field(default_factory=dict[int, Subscriptions])
    current: int | None = 1
    asked: list[int] = field(default_factory=list[int])
    looked: int = 0
    crowd: asyncio.Barrier | None = None
    """If there is one, nobody is answered before all have asked."""

    async def version(self, product: str) -> int:
        self.looked += 1
        if self.current is None:
            raise NotFound(f"no product {product}")
        return self.current

    async def subscriptions(self, product: str, *, version: int) -> Subscriptions:
        assert product == "orders"
        self.asked.append(version)
        if self.crowd is not None:
            await self.crowd.wait()
        return self.told.get(version, ())


@pytest.fixture
def telling() -> Telling:
    return Telling(SeededEntropy(1), ZONES)


async def learned(telling: Telling, products: Products, version: int) -> None:
    await telling.learn(cast("Catalog", products), "orders", version)


async def looked(telling: Telling, products: Products, now_ms: int) -> None:
    await telling.learn_current(cast("Catalog", products), "orders", now_ms)


def told_of_an_end(telling: Telling, version: int) -> list[str]:
    """Return the events of what is told of a run's end."""
    claim = Claim(a_run(state="running", fence=1, worker="w1"), product_version=version)
    settlement = telling.settled(decide(claim, Success(1), NOW_MS), claim, NOW_MS)
    return [run.spec.metadata["webhook_event"] for run in settlement.also]


async def test_a_version_is_read_once(telling: Telling) -> None:
    products = Products({1: (EVERYTHING,)})
    for _ in range(3):
        await learned(telling, products, 1)
    assert products.asked == [1]
    assert told_of_an_end(telling, 1) == ["job.completed"]


async def test_many_who_ask_at_once_do_not_push_a_version_out(telling: Telling) -> None:
    many = MOST_VERSIONS + 1
    products = Products({1: (EVERYTHING,)}, crowd=asyncio.Barrier(many))
    await asyncio.gather(*(learned(telling, products, 1) for _ in range(many)))
    assert telling.known("orders", 1) == (EVERYTHING,)


async def test_each_version_tells_its_own(telling: Telling) -> None:
    products = Products({2: (EVERYTHING,)})
    for version in (1, 2, 3):
        await learned(telling, products, version)
    assert [told_of_an_end(telling, at) for at in (1, 2, 3)] == [[], ["job.completed"], []]


async def test_without_a_version_the_newest_that_is_known_tells(telling: Telling) -> None:
    products = Products({2: (EVERYTHING,)})
    await learned(telling, products, 2)
    await learned(telling, products, 1)
    assert told_of_an_end(telling, 0) == ["job.completed"]
    assert told_of_an_end(telling, 9) == ["job.completed"]


async def test_nobody_is_told_of_a_product_that_was_never_met(telling: Telling) -> None:
    assert told_of_an_end(telling, 1) == []
    await learned(telling, Products(), 0)
    assert told_of_an_end(telling, 0) == []


async def test_of_many_versions_the_newest_are_kept(telling: Telling) -> None:
    products = Products()
    for version in range(1, MOST_VERSIONS + 3):
        await learned(telling, products, version)
    await learned(telling, products, MOST_VERSIONS + 2)
    await learned(telling, products, 1)
    assert products.asked == [*range(1, MOST_VERSIONS + 3), 1]


async def test_a_verb_looks_for_the_current_version_once_a_second(telling: Telling) -> None:
    products = Products({2: (EVERYTHING,)})
    for at_ms in (0, 1, LOOK_AGAIN_MS - 1):
        await looked(telling, products, NOW_MS + at_ms)
    products.current = 2
    assert (products.looked, products.asked) == (1, [1])
    await looked(telling, products, NOW_MS + LOOK_AGAIN_MS)
    assert (products.looked, products.asked) == (2, [1, 2])
    await looked(telling, products, NOW_MS)
    assert products.looked == 3, "a clock set back is no reason to look no more"


async def test_a_verb_on_a_job_of_an_unknown_product_tells_nobody(telling: Telling) -> None:
    products = Products(current=None)
    await looked(telling, products, NOW_MS)
    assert products.asked == []


async def test_a_new_job_is_told_beside_it(telling: Telling) -> None:
    await learned(telling, Products({1: (EVERYTHING,)}), 1)
    job = replace(a_new_job(), product_version=1)
    told = telling.added(job, NOW_MS)
    assert replace(told, also=()) == job
    assert [run.spec.event for run in told.also] == ["webhook:partner"]
    assert told.also[0].job_id != job.job_id


async def test_a_start_is_told_under_a_key_of_its_attempt(telling: Telling) -> None:
    await learned(telling, Products({1: (EVERYTHING,)}), 1)
    run: Run = a_run(state="running", fence=1, worker="w1")
    claim = Claim(run, product_version=1)
    first, again = telling.started(claim, NOW_MS)[0], telling.started(claim, NOW_MS + 5)[0]
    assert first.spec.key == f"webhook:partner:{run.job_id}:1:1:started"
    assert (first.spec.key, first.digest) == (again.spec.key, again.digest)
    assert first.run is not None
    assert first.run.spec.key == first.spec.key

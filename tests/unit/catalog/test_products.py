"""The catalog asks for a version, and remembers what that version says."""

import asyncio
import timeit
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ductape.catalog import ProductCatalog
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.request import JobEventTypes
from ductape.errors import NotFound
from ductape.ports.stores.products import ProductRow
from ductape.services.secrets import Secrets
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.products import SqliteProducts
from ductape.stores.sqlite.secrets import SqliteSecrets
from tests.unit.catalog.builders import a_document
from tests.unit.sessions.builders import SetClock
from tests.unit.vault.builders import a_vault


@dataclass
class House:
    """A catalog over a real store."""

    engine: Engine
    handlers: set[str] = field(default_factory=set[str])
    asked: list[frozenset[str]] = field(default_factory=list[frozenset[str]])

    def __post_init__(self) -> None:
        self.products = SqliteProducts(self.engine)
        secrets = Secrets(SqliteSecrets(self.engine), a_vault("k1"), SetClock())
        self.catalog = ProductCatalog(self.products, self.known, secrets)

    async def known(self, tags: frozenset[str]) -> frozenset[str]:
        self.asked.append(tags)
        return tags & self.handlers

    async def put(self, document: JsonObject, after: int = 0) -> None:
        await self.products.put("shop", document, b"", after=after, now_ms=0)


@pytest.fixture
async def house(tmp_path: Path) -> House:
    house = House(Engine(str(tmp_path / "a.db"), inline=True))
    await house.put(a_document())
    return house


async def test_an_event_is_resolved_in_the_current_version(house: House) -> None:
    target = await house.catalog.resolve("shop", "dev", "create_order", None, {})
    assert target.definition["base_url"] == "http://127.0.0.1:9"
    moved = a_document()
    moved["apps"][0]["envs"][0]["base_url"] = "http://127.0.0.1:10"
    await house.put(moved, after=1)
    target = await house.catalog.resolve("shop", "dev", "create_order", None, {})
    assert target.definition["base_url"] == "http://127.0.0.1:10"


async def test_a_version_that_the_caller_was_told_is_used(house: House) -> None:
    await house.put(a_document(jobs=[]), after=1)
    assert await house.catalog.version("shop") == 2
    old = await house.catalog.resolve("shop", "dev", "report", None, {}, version=1)
    assert old.needs == "job:report"
    with pytest.raises(NotFound):
        await house.catalog.resolve("shop", "dev", "report", None, {}, version=2)
    with pytest.raises(NotFound, match="no version 9"):
        await house.catalog.resolve("shop", "dev", "report", None, {}, version=9)


async def test_an_answer_is_remembered(house: House) -> None:
    first = await house.catalog.resolve("shop", "dev", "create_order", None, {"a": 1})
    assert await house.catalog.resolve("shop", "dev", "create_order", None, {"b": 2}) is first


async def test_the_slug_chooses_each_time(house: House) -> None:
    content: JsonObject = {"slug": "order_update", "push_notification": {"title": "x"}}
    free = await house.catalog.resolve("shop", "dev", "tell", None, content)
    defined = await house.catalog.resolve("shop", "dev", "tell", None, {"slug": "welcome"})
    assert (free.event, defined.event) == ("tell", "tell:welcome")


async def test_a_handler_counts_once_somebody_has_it(house: House) -> None:
    with pytest.raises(NotFound):
        await house.catalog.resolve("shop", "dev", "sweep", None, {})
    house.handlers.add("function:sweep")
    target = await house.catalog.resolve("shop", "dev", "sweep", None, {})
    assert (target.kind, target.needs) == (JobEventTypes.FUNCTION, "function:sweep")
    assert house.asked[-1] == {"job:sweep", "function:sweep", "feature:sweep"}


async def test_a_version_is_read_once_for_all_who_ask_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, products = house.catalog.resolve, house.products
    read: list[int] = []
    at = products.at

    async def slowly(product: str, version: int) -> ProductRow | None:
        read.append(version)
        await asyncio.sleep(0)
        return await at(product, version)

    monkeypatch.setattr(products, "at", slowly)
    asking = [resolve("shop", "dev", "create_order", None, {}, version=1) for _ in range(9)]
    await asyncio.gather(*asking)
    assert read == [1]


async def test_an_unknown_product_names_what_exists(house: House) -> None:
    with pytest.raises(NotFound, match="did you mean `shop`") as caught:
        await house.catalog.resolve("shp", "dev", "report", None, {})
    assert caught.value.path == "product_tag"


async def test_a_session_is_defined_in_milliseconds_with_its_users_path(house: House) -> None:
    session = await house.catalog.session("shop", "dev", "user")
    assert (session.expiry_ms, session.selector, session.verify) == (7_200_000, ("id",), {})


@pytest.mark.parametrize(("env", "tag"), [("dev", "usr"), ("none", "user")])
async def test_an_unknown_session_is_not_found(house: House, env: str, tag: str) -> None:
    with pytest.raises(NotFound):
        await house.catalog.session("shop", env, tag)


async def test_a_caches_expiry_is_told_where_one_is_defined(house: House) -> None:
    assert await house.catalog.cache_expiry_ms("shop", "quick") == 5_000
    assert await house.catalog.cache_expiry_ms("shop", "other") is None


async def test_a_caches_expiry_is_that_of_the_version_asked_for(house: House) -> None:
    changed = a_document()
    changed["caches"][0]["expiry"] = 9_000
    await house.put(changed, after=1)
    ask = house.catalog.cache_expiry_ms
    assert [await ask("shop", "quick", version=1), await ask("shop", "quick")] == [5_000, 9_000]


async def test_a_remembered_answer_costs_next_to_nothing(house: House) -> None:
    resolve = house.catalog.resolve
    await resolve("shop", "dev", "create_order", "partner", {}, version=1)

    def once() -> None:
        run(resolve("shop", "dev", "create_order", "partner", {}, version=1))

    best = min(timeit.repeat(once, number=1_000, repeat=5)) / 1_000
    assert best < 20e-6


def run(coroutine: Coroutine[object, None, object]) -> None:
    """Run a coroutine that awaits nothing, without an event loop's costs."""
    with suppress(StopIteration):
        coroutine.send(None)


async def test_no_rule_of_today_is_held_against_what_was_applied_before(house: House) -> None:
    old = a_document()
    old["fallbacks"] = [
        {
            "tag": "reach",
            "input": {"flag": {"type": "BOOLEAN", "maxlength": 1}},
            "options": [{"type": "action", "event": "create_order"}],
        }
    ]
    await house.put(old, after=1)
    target = await house.catalog.resolve("shop", "dev", "reach", None, {})
    assert target.kind is JobEventTypes.FALLBACK

"""What every store does with product versions, whatever database is below."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape.domain.jsonvalue import JsonObject
from ductape.ports.stores.products import ProductRow, Products
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.products import SqliteProducts

DOCUMENT: JsonObject = {"tag": "shop", "envs": [{"slug": "dév"}]}


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    engine = Engine(str(tmp_path / "a.db"))
    yield engine
    await engine.aclose()


@pytest.fixture
def products(engine: Engine) -> Products:
    return SqliteProducts(engine)


async def test_a_version_comes_back_as_it_was_put(products: Products) -> None:
    assert await products.put("shop", DOCUMENT, b"\x00d", after=0, now_ms=7) == 1
    row = ProductRow("shop", 1, DOCUMENT, b"\x00d", 7)
    assert await products.current("shop") == row
    assert await products.at("shop", 1) == row


async def test_an_unknown_product_is_none(products: Products) -> None:
    assert await products.current("shop") is None
    assert await products.version("shop") is None
    assert await products.at("shop", 1) is None
    assert await products.versions("shop") == []
    assert await products.tags() == []


async def test_versions_count_up_and_all_are_kept(products: Products) -> None:
    for after in range(3):
        await products.put("shop", {**DOCUMENT, "name": f"{after}"}, b"", after=after, now_ms=after)
    assert await products.version("shop") == 3
    assert [row.version for row in await products.versions("shop")] == [3, 2, 1]
    current = await products.current("shop")
    assert current is not None
    assert current.document["name"] == "2"


@pytest.mark.parametrize("after", [-1, 1, 5])
async def test_a_version_after_another_than_the_current_one_is_not_put(
    products: Products, after: int
) -> None:
    assert await products.put("shop", DOCUMENT, b"", after=after, now_ms=0) is None
    assert await products.version("shop") is None


async def test_of_many_who_put_at_once_one_wins(products: Products) -> None:
    puts = [products.put("shop", DOCUMENT, b"", after=0, now_ms=0) for _ in range(50)]
    answers = await asyncio.gather(*puts)
    assert sorted(answer is None for answer in answers) == [False] + [True] * 49
    assert await products.version("shop") == 1


async def test_products_do_not_see_one_another(products: Products) -> None:
    await products.put("b", DOCUMENT, b"", after=0, now_ms=0)
    await products.put("a", DOCUMENT, b"", after=0, now_ms=0)
    await products.put("a", DOCUMENT, b"", after=1, now_ms=0)
    assert await products.tags() == ["a", "b"]
    assert (await products.version("a"), await products.version("b")) == (2, 1)


async def test_what_was_put_outlives_the_process(tmp_path: Path) -> None:
    first = Engine(str(tmp_path / "b.db"), inline=True)
    await SqliteProducts(first).put("shop", DOCUMENT, b"", after=0, now_ms=0)
    await first.aclose()
    second = Engine(str(tmp_path / "b.db"), inline=True)
    assert await SqliteProducts(second).version("shop") == 1
    await second.aclose()

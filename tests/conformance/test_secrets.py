"""What every store must do with sealed secrets and the check values of keys."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape.ports.stores.secrets import SecretRows
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.secrets import SqliteSecrets


@pytest.fixture(params=["sqlite", "sqlite-threaded"])
async def rows(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SecretRows]:
    engine = Engine(str(tmp_path / "a.db"), inline=request.param == "sqlite")
    yield SqliteSecrets(engine)
    await engine.aclose()


async def test_a_sealed_value_comes_back_byte_by_byte(rows: SecretRows) -> None:
    sealed = bytes(range(256))
    await rows.put("orders", "prd", "KEY", sealed, now_ms=1)
    assert await rows.get("orders", "prd", "KEY") == sealed


async def test_a_second_value_replaces_the_first(rows: SecretRows) -> None:
    await rows.put("orders", "", "KEY", b"one", now_ms=1)
    await rows.put("orders", "", "KEY", b"two", now_ms=2)
    assert await rows.get("orders", "", "KEY") == b"two"
    assert await rows.names("orders") == [("", "KEY")]


@pytest.mark.parametrize(
    ("product", "env", "name"),
    [("other", "prd", "KEY"), ("orders", "", "KEY"), ("orders", "prd", "key")],
)
async def test_a_secret_is_found_in_its_place_alone(
    rows: SecretRows, product: str, env: str, name: str
) -> None:
    await rows.put("orders", "prd", "KEY", b"one", now_ms=1)
    assert await rows.get(product, env, name) is None
    assert not await rows.delete(product, env, name)


async def test_names_are_listed_by_name_for_one_product(rows: SecretRows) -> None:
    for env, name in (("prd", "B"), ("", "B"), ("dev", "A")):
        await rows.put("orders", env, name, b"x", now_ms=1)
    await rows.put("other", "", "C", b"x", now_ms=1)
    assert await rows.names("orders") == [("dev", "A"), ("", "B"), ("prd", "B")]


async def test_a_deleted_secret_is_gone(rows: SecretRows) -> None:
    await rows.put("orders", "prd", "KEY", b"one", now_ms=1)
    assert await rows.delete("orders", "prd", "KEY")
    assert not await rows.delete("orders", "prd", "KEY")
    assert await rows.get("orders", "prd", "KEY") is None


async def test_check_values_are_kept_newest_first_whatever_the_clock_did(rows: SecretRows) -> None:
    for key_id, now_ms in (("k1", 9), ("k3", 5), ("k2", 5)):
        await rows.put_key_check(key_id, key_id.encode(), now_ms=now_ms)
    assert list((await rows.key_checks()).items()) == [
        ("k2", b"k2"),
        ("k3", b"k3"),
        ("k1", b"k1"),
    ]


async def test_a_check_value_is_never_replaced(rows: SecretRows) -> None:
    await rows.put_key_check("k1", b"first", now_ms=1)
    await rows.put_key_check("k1", b"second", now_ms=2)
    assert await rows.key_checks() == {"k1": b"first"}

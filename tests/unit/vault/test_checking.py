"""A ring that does not fit the store is refused before anything is sealed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape.errors import ConfigError
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.secrets import SqliteSecrets
from ductape.vault.checking import KeyStatus, check_ring, ring_status
from ductape.vault.ring import KeyRing, RingKey
from ductape.vault.sealing import RingVault
from tests.unit.vault.builders import CountedEntropy, a_key, a_vault


@pytest.fixture
async def rows(tmp_path: Path) -> AsyncIterator[SqliteSecrets]:
    engine = Engine(str(tmp_path / "a.db"), inline=True)
    yield SqliteSecrets(engine)
    await engine.aclose()


async def test_a_fresh_store_takes_any_ring_and_remembers_its_newest(rows: SqliteSecrets) -> None:
    await check_ring(a_vault("k2", "k1"), rows, now_ms=1)
    assert list(await rows.key_checks()) == ["k2"]


async def test_the_same_ring_is_taken_again(rows: SqliteSecrets) -> None:
    await check_ring(a_vault("k1"), rows, now_ms=1)
    before = await rows.key_checks()
    await check_ring(a_vault("k1"), rows, now_ms=2)
    assert await rows.key_checks() == before


async def test_a_ring_with_a_new_newest_key_is_taken(rows: SqliteSecrets) -> None:
    await check_ring(a_vault("k1"), rows, now_ms=1)
    await check_ring(a_vault("k2", "k1"), rows, now_ms=1)
    assert list(await rows.key_checks()) == ["k2", "k1"]


async def test_a_ring_without_the_newest_key_is_refused(rows: SqliteSecrets) -> None:
    await check_ring(a_vault("k2", "k1"), rows, now_ms=1)
    with pytest.raises(ConfigError, match="'k2', which is not in the ring") as caught:
        await check_ring(a_vault("k1"), rows, now_ms=2)
    assert "DUCTAPE_KEY" in str(caught.value.hint)


async def test_a_ring_with_a_new_key_alone_is_refused_and_not_remembered(
    rows: SqliteSecrets,
) -> None:
    await check_ring(a_vault("k1"), rows, now_ms=1)
    with pytest.raises(ConfigError):
        await check_ring(a_vault("k9"), rows, now_ms=2)
    assert list(await rows.key_checks()) == ["k1"]


async def test_an_old_key_may_leave_the_ring(rows: SqliteSecrets) -> None:
    await check_ring(a_vault("k1"), rows, now_ms=1)
    await check_ring(a_vault("k2", "k1"), rows, now_ms=2)
    await check_ring(a_vault("k2"), rows, now_ms=3)


@pytest.mark.parametrize("ids", [("k1",), ("k2", "k1")])
async def test_another_key_under_a_known_id_is_refused(
    rows: SqliteSecrets, ids: tuple[str, ...]
) -> None:
    await check_ring(a_vault("k1"), rows, now_ms=1)
    await check_ring(a_vault(*ids), rows, now_ms=2)
    wrong = RingKey("k1", b"\x07" * 32)
    ring = KeyRing(tuple(wrong if one == "k1" else a_key(one) for one in ids))
    with pytest.raises(ConfigError, match="'k1' is not the key that this store knows"):
        await check_ring(RingVault(ring, CountedEntropy()), rows, now_ms=3)


async def test_of_two_hosts_with_different_rings_one_is_refused(rows: SqliteSecrets) -> None:
    slow = SlowRows(rows)
    with pytest.raises(ConfigError, match="'k2', which is not in the ring"):
        await check_ring(a_vault("k1"), slow, now_ms=1)


async def test_the_status_tells_what_seals_what_opens_and_what_is_gone(
    rows: SqliteSecrets,
) -> None:
    await check_ring(a_vault("k1"), rows, now_ms=1)
    await check_ring(a_vault("k2", "k1"), rows, now_ms=2)
    assert await ring_status(a_vault("k3", "k2"), rows) == [
        KeyStatus("k3", seals=True, in_ring=True, seen=False, last=False, fits=True),
        KeyStatus("k2", seals=False, in_ring=True, seen=True, last=True, fits=True),
        KeyStatus("k1", seals=False, in_ring=False, seen=True, last=False, fits=False),
    ]


class SlowRows(SqliteSecrets):
    """Rows on which another host always stores its check right after ours."""

    def __init__(self, rows: SqliteSecrets) -> None:
        super().__init__(rows._engine)

    async def put_key_check(self, key_id: str, sealed: bytes, *, now_ms: int) -> None:
        await super().put_key_check(key_id, sealed, now_ms=now_ms)
        other = a_vault("k2").seal(b"ductape", place="key-check/k2")
        await super().put_key_check("k2", other, now_ms=now_ms)

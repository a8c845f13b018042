"""What every store must do with session families and the users seen."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from ductape.ports.stores.sessions import SessionFamily, SessionRows, SessionUser
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.sessions import SqliteSessions

NOW_MS = 1_800_000_000_000


@pytest.fixture(params=["sqlite", "sqlite-threaded"])
async def rows(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionRows]:
    engine = Engine(str(tmp_path / "a.db"), inline=request.param == "sqlite")
    yield SqliteSessions(engine)
    await engine.aclose()


def a_family(
    session_id: str = "s1", *, env: str = "prd", user: str | None = "ada", generation: int = 1
) -> SessionFamily:
    return SessionFamily(
        session_id=session_id,
        product="orders",
        env=env,
        tag="login",
        user=user,
        created_at_ms=NOW_MS,
        expires_at_ms=NOW_MS + 1_000,
        generation=generation,
        sealed=b"\x01\x00sealed",
    )


async def test_a_family_comes_back_as_it_was_put(rows: SessionRows) -> None:
    family = replace(a_family(), rotated_at_ms=NOW_MS + 5, revoked=True, generation=7)
    await rows.put(family, now_ms=NOW_MS)
    assert await rows.get("s1") == family


async def test_an_unknown_session_is_none(rows: SessionRows) -> None:
    assert await rows.get("s1") is None
    assert not await rows.revoke("s1")
    assert not await rows.rotate(a_family(), from_generation=1)


async def test_a_family_that_is_there_is_neither_replaced_nor_counted_again(
    rows: SessionRows,
) -> None:
    await rows.put(a_family(), now_ms=NOW_MS)
    await rows.put(replace(a_family(), sealed=b"other"), now_ms=NOW_MS)
    assert await rows.get("s1") == a_family()
    assert (await rows.users("orders", "prd", "login", limit=9, offset=0))[1][0].session_count == 1


async def test_a_rotation_replaces_the_generation_it_read(rows: SessionRows) -> None:
    await rows.put(a_family(), now_ms=NOW_MS)
    after = replace(
        a_family(generation=2),
        rotated_at_ms=NOW_MS + 9,
        expires_at_ms=NOW_MS + 2_000,
        sealed=b"new",
    )
    assert await rows.rotate(after, from_generation=1)
    assert await rows.get("s1") == after


async def test_of_many_rotations_at_once_one_wins(rows: SessionRows) -> None:
    await rows.put(a_family(), now_ms=NOW_MS)
    rivals = [replace(a_family(generation=2), sealed=bytes([at])) for at in range(20)]
    won = await asyncio.gather(*(rows.rotate(one, from_generation=1) for one in rivals))
    assert sum(won) == 1
    assert await rows.get("s1") == rivals[won.index(True)]


async def test_a_revoked_family_does_not_rotate(rows: SessionRows) -> None:
    await rows.put(a_family(), now_ms=NOW_MS)
    assert await rows.revoke("s1")
    assert not await rows.rotate(a_family(generation=2), from_generation=1)
    assert await rows.get("s1") == replace(a_family(), revoked=True)


async def test_revoking_twice_is_harmless(rows: SessionRows) -> None:
    await rows.put(a_family(), now_ms=NOW_MS)
    assert await rows.revoke("s1")
    assert await rows.revoke("s1")


async def test_a_user_is_seen_with_each_session_and_counted(rows: SessionRows) -> None:
    await rows.put(a_family("s1"), now_ms=NOW_MS)
    await rows.put(a_family("s2"), now_ms=NOW_MS + 50)
    assert await rows.users("orders", "prd", "login", limit=9, offset=0) == (
        1,
        [SessionUser("ada", NOW_MS, NOW_MS + 50, 2)],
    )


async def test_a_refresh_sees_the_user_and_counts_no_session(rows: SessionRows) -> None:
    await rows.put(a_family(), now_ms=NOW_MS)
    later = replace(a_family(generation=2), rotated_at_ms=NOW_MS + 70)
    await rows.rotate(later, from_generation=1)
    _, users = await rows.users("orders", "prd", "login", limit=9, offset=0)
    assert users == [SessionUser("ada", NOW_MS, NOW_MS + 70, 1)]


async def test_a_clock_set_back_does_not_unsee_a_user(rows: SessionRows) -> None:
    await rows.put(a_family("s1"), now_ms=NOW_MS)
    await rows.put(a_family("s2"), now_ms=NOW_MS - 50)
    _, users = await rows.users("orders", "prd", "login", limit=9, offset=0)
    assert users[0].last_seen_ms == NOW_MS


async def test_a_session_without_a_user_is_no_user(rows: SessionRows) -> None:
    await rows.put(a_family(user=None), now_ms=NOW_MS)
    assert await rows.users("orders", "prd", "login", limit=9, offset=0) == (0, [])


async def test_users_are_paged_latest_seen_first(rows: SessionRows) -> None:
    for at, user in enumerate(("ada", "bob", "cyd", "dan")):
        await rows.put(a_family(f"s{at}", user=user), now_ms=NOW_MS + at // 2)
    pages = [await rows.users("orders", "prd", "login", limit=3, offset=at) for at in (0, 3, 6)]
    assert [[user.identifier for user in users] for _, users in pages] == [
        ["cyd", "dan", "ada"],
        ["bob"],
        [],
    ]
    assert {total for total, _ in pages} == {4}


async def test_without_an_env_a_user_of_several_is_one(rows: SessionRows) -> None:
    await rows.put(a_family("s1", env="prd"), now_ms=NOW_MS)
    await rows.put(a_family("s2", env="dev"), now_ms=NOW_MS + 9)
    assert await rows.users("orders", None, "login", limit=9, offset=0) == (
        1,
        [SessionUser("ada", NOW_MS, NOW_MS + 9, 2)],
    )
    assert (await rows.users("orders", "dev", "login", limit=9, offset=0))[1] == [
        SessionUser("ada", NOW_MS + 9, NOW_MS + 9, 1)
    ]


@pytest.mark.parametrize(("product", "tag"), [("other", "login"), ("orders", "other")])
async def test_users_of_others_are_not_listed(rows: SessionRows, product: str, tag: str) -> None:
    await rows.put(a_family(), now_ms=NOW_MS)
    assert await rows.users(product, None, tag, limit=9, offset=0) == (0, [])

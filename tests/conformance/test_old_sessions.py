"""What every store must do about old sessions: forget them, but none that was revoked too early."""

import pytest

from ductape.domain.operations import pause
from ductape.domain.request import Repeat
from ductape.domain.retention import KeptFrom
from ductape.ports.stores import Store
from ductape.ports.stores.sessions import SessionFamily
from tests.builders import NOW_MS, ZONES, a_new_job, a_recurring_job, a_session, a_spec
from tests.conformance.steps import applied, record, stored
from tests.conformance.test_upkeep import pruned


async def put(
    store: Store,
    session_id: str,
    *,
    expires_ms: int,
    user: str | None = "ada",
    revoked: bool = False,
) -> None:
    family = SessionFamily(
        session_id=session_id,
        product="orders",
        env="prd",
        tag="login",
        user=user,
        created_at_ms=0,
        expires_at_ms=expires_ms,
    )
    await store.sessions.put(family, now_ms=0)
    if revoked:
        await store.sessions.revoke(session_id)


async def is_there(store: Store, session_id: str) -> bool:
    return await store.sessions.get(session_id) is not None


async def test_a_session_goes_when_it_expired_longer_ago_than_failures_are_kept(
    store: Store,
) -> None:
    await put(store, "old", expires_ms=NOW_MS - 1)
    await put(store, "young", expires_ms=NOW_MS)
    await pruned(store)
    assert not await is_there(store, "old")
    assert await is_there(store, "young")


async def test_its_user_is_still_one_that_was_seen(store: Store) -> None:
    await put(store, "old", expires_ms=NOW_MS - 1)
    await pruned(store)
    total, _ = await store.sessions.users("orders", None, "login", limit=9, offset=0)
    assert total == 1


async def test_a_live_job_keeps_no_session_that_nobody_revoked(store: Store) -> None:
    await put(store, "old", expires_ms=NOW_MS - 1)
    await stored(store, a_new_job(a_spec(session=a_session())))
    await pruned(store)
    assert not await is_there(store, "old")


@pytest.mark.parametrize("user", ["ada", None])
async def test_a_revoked_session_stays_while_a_job_of_its_user_waits(
    store: Store, user: str | None
) -> None:
    await put(store, "his", expires_ms=NOW_MS - 1, user=user, revoked=True)
    await put(store, "another's", expires_ms=NOW_MS - 1, user="bob", revoked=True)
    await stored(store, a_new_job(a_spec(session=a_session(user=user))))
    await pruned(store)
    assert await is_there(store, "his")
    assert not await is_there(store, "another's")


async def test_a_revoked_session_stays_while_a_recurrence_of_its_user_is_halted(
    store: Store,
) -> None:
    await put(store, "his", expires_ms=NOW_MS - 1, revoked=True)
    job = a_recurring_job(a_spec(session=a_session(), repeat=Repeat(every_ms=60_000)))
    await stored(store, job)
    halted = pause(await record(store, job.job_id), now_ms=NOW_MS, zones=ZONES)
    await applied(store, halted)
    await pruned(store)
    assert await is_there(store, "his")


async def test_a_revoked_session_goes_when_no_job_can_come_to_it(store: Store) -> None:
    await put(store, "his", expires_ms=NOW_MS - 1, revoked=True)
    await pruned(store)
    assert not await is_there(store, "his")


async def test_many_old_sessions_go_in_batches(store: Store) -> None:
    for at in range(7):
        await put(store, f"s{at}", expires_ms=NOW_MS - 1)
    await pruned(store, limit=3)
    assert not any([await is_there(store, f"s{at}") for at in range(7)])


async def test_a_session_stays_as_long_as_the_failed_runs_that_are_kept_longest(
    store: Store,
) -> None:
    await put(store, "old", expires_ms=NOW_MS - 1)
    longer = {"shop": KeptFrom(NOW_MS, NOW_MS - 1)}
    await store.upkeep.prune(
        completed_before_ms=NOW_MS,
        failed_before_ms=NOW_MS,
        now_ms=NOW_MS,
        limit=9,
        products=longer,
    )
    assert await is_there(store, "old")

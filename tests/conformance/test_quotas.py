"""What every store must do when use is counted: nothing is lost, nothing is given away."""

import asyncio

from ductape.domain.limits.quota import Fixed, Sliding
from ductape.ports.stores import Store
from ductape.ports.stores.quotas import QuotaKey
from tests.builders import NOW_MS
from tests.conformance.conftest import OpenAgain

KEY = QuotaKey("orders", "prd", "sends", b"ada")
DAY = Fixed(limit=50, start_ms=NOW_MS, end_ms=NOW_MS + 1_000)


async def used(store: Store, key: QuotaKey = KEY) -> int:
    verdict = await store.quotas.check(key, DAY, 1, now_ms=NOW_MS)
    return DAY.limit - verdict.remaining


async def test_use_is_counted_until_the_window_is_full(store: Store) -> None:
    first = await store.quotas.increment(KEY, DAY, 49, now_ms=NOW_MS)
    assert (first.success, first.remaining, first.resets_at_ms) == (True, 1, DAY.end_ms)
    over = await store.quotas.increment(KEY, DAY, 2, now_ms=NOW_MS + 400)
    assert (over.success, over.remaining, over.wait_ms) == (False, 1, 600)
    assert (await store.quotas.increment(KEY, DAY, 1, now_ms=NOW_MS)).success
    assert await used(store) == 50


async def test_what_does_not_fit_is_not_counted(store: Store) -> None:
    await store.quotas.increment(KEY, DAY, 51, now_ms=NOW_MS)
    assert await used(store) == 0


async def test_checking_counts_nothing(store: Store) -> None:
    for _ in range(3):
        assert (await store.quotas.check(KEY, DAY, 50, now_ms=NOW_MS)).success


async def test_the_next_window_begins_at_nothing(store: Store) -> None:
    await store.quotas.increment(KEY, DAY, 50, now_ms=NOW_MS)
    following = Fixed(50, DAY.end_ms, DAY.end_ms + 1_000)
    later = await store.quotas.increment(KEY, following, 50, now_ms=DAY.end_ms)
    assert later.success


async def test_each_subject_quota_env_and_product_has_a_count_of_its_own(store: Store) -> None:
    await store.quotas.increment(KEY, DAY, 50, now_ms=NOW_MS)
    for other in (
        QuotaKey("orders", "prd", "sends", b"bob"),
        QuotaKey("orders", "prd", "calls", b"ada"),
        QuotaKey("orders", "dev", "sends", b"ada"),
        QuotaKey("bills", "prd", "sends", b"ada"),
    ):
        assert await used(store, other) == 0


async def test_resetting_forgets_one_subject(store: Store) -> None:
    other = QuotaKey("orders", "prd", "sends", b"bob")
    for key in (KEY, other):
        await store.quotas.increment(key, DAY, 3, now_ms=NOW_MS)
    await store.quotas.reset(KEY)
    assert (await used(store), await used(store, other)) == (0, 3)


async def test_a_sliding_window_slides(store: Store) -> None:
    rule = Sliding(limit=2, span_ms=1_000)
    for at in (0, 300):
        assert (await store.quotas.increment(KEY, rule, 1, now_ms=NOW_MS + at)).success
    over = await store.quotas.increment(KEY, rule, 1, now_ms=NOW_MS + 999)
    assert (over.success, over.wait_ms) == (False, 1)
    assert (await store.quotas.increment(KEY, rule, 1, now_ms=NOW_MS + 1_000)).success
    assert not (await store.quotas.check(KEY, rule, 1, now_ms=NOW_MS + 1_000)).success


async def test_of_two_hundred_at_once_exactly_as_many_as_fit_are_counted(
    store: Store, open_again: OpenAgain
) -> None:
    """Half of them through another opening of the same store, as another process has it."""
    stores = (store, await open_again())
    verdicts = await asyncio.gather(
        *(stores[at % 2].quotas.increment(KEY, DAY, 1, now_ms=NOW_MS) for at in range(200))
    )
    fitting = [verdict.remaining for verdict in verdicts if verdict.success]
    assert sorted(fitting) == list(range(50))
    assert await used(store) == 50


async def test_amounts_at_once_never_exceed_the_limit(store: Store) -> None:
    rule = Sliding(limit=50, span_ms=60_000)
    amounts = [1 + at % 7 for at in range(60)]
    verdicts = await asyncio.gather(
        *(store.quotas.increment(KEY, rule, n, now_ms=NOW_MS + n) for n in amounts)
    )
    taken = sum(n for n, verdict in zip(amounts, verdicts, strict=True) if verdict.success)
    assert 44 < taken <= 50
    assert (await store.quotas.check(KEY, rule, 1, now_ms=NOW_MS + 9)).remaining == 50 - taken

"""What every store must do about providers that keep failing: the whole fleet knows."""

import asyncio

from ductape.domain.limits.breaker import BreakerRule
from ductape.ports.stores import Store
from ductape.ports.stores.quotas import BreakerKey
from tests.builders import NOW_MS
from tests.conformance.conftest import OpenAgain

KEY = BreakerKey("orders", "prd", "fallback:mail", "sendgrid")
RULE = BreakerRule(failures=3, cooldown_ms=100, probe_ms=40)


async def fail(store: Store, times: int, *, key: BreakerKey = KEY, at: int = 0) -> None:
    for _ in range(times):
        await store.breakers.failed(key, RULE, now_ms=NOW_MS + at)


async def admitted(store: Store, *, key: BreakerKey = KEY, at: int = 0) -> str:
    return await store.breakers.admit(key, RULE, now_ms=NOW_MS + at)


async def test_a_provider_that_keeps_failing_is_skipped_by_all(
    store: Store, open_again: OpenAgain
) -> None:
    other = await open_again()
    await fail(store, 2)
    assert await admitted(other) == "call"
    await fail(other, 1)
    assert [await admitted(each, at=99) for each in (store, other)] == ["skip", "skip"]


async def test_an_answer_in_between_begins_the_count_anew(store: Store) -> None:
    await fail(store, 2)
    await store.breakers.answered(KEY)
    await fail(store, 2)
    assert await admitted(store) == "call"


async def test_failures_at_once_are_all_counted(store: Store) -> None:
    rule = BreakerRule(failures=40, cooldown_ms=100)
    failures = [store.breakers.failed(KEY, rule, now_ms=NOW_MS) for _ in range(40)]
    await asyncio.gather(*failures)
    assert await store.breakers.admit(KEY, rule, now_ms=NOW_MS) == "skip"


async def test_after_the_cool_down_one_worker_of_the_fleet_tries(
    store: Store, open_again: OpenAgain
) -> None:
    await fail(store, 3)
    stores = (store, await open_again())
    asked = await asyncio.gather(*(admitted(stores[at % 2], at=100) for at in range(20)))
    assert sorted(asked) == ["probe", *["skip"] * 19]


async def test_a_probe_that_was_answered_lets_all_call_again(store: Store) -> None:
    await fail(store, 3)
    assert await admitted(store, at=100) == "probe"
    await store.breakers.answered(KEY)
    assert await admitted(store, at=101) == "call"


async def test_a_probe_that_failed_opens_it_again(store: Store) -> None:
    await fail(store, 3)
    assert await admitted(store, at=100) == "probe"
    await fail(store, 1, at=110)
    assert [await admitted(store, at=at) for at in (209, 210)] == ["skip", "probe"]


async def test_a_late_answer_does_not_close_what_has_opened(store: Store) -> None:
    await fail(store, 3)
    await store.breakers.answered(KEY)
    assert await admitted(store) == "skip"


async def test_each_provider_has_a_breaker_of_its_own(store: Store) -> None:
    await fail(store, 3)
    for other in (
        BreakerKey("orders", "prd", "fallback:mail", "mailgun"),
        BreakerKey("orders", "prd", "quota:mail", "sendgrid"),
        BreakerKey("orders", "dev", "fallback:mail", "sendgrid"),
        BreakerKey("bills", "prd", "fallback:mail", "sendgrid"),
    ):
        assert await admitted(store, key=other) == "call"


async def told_nothing(store: Store, *, probed_at: int, key: BreakerKey = KEY) -> None:
    await store.breakers.told_nothing(key, RULE, probed_at_ms=NOW_MS + probed_at)


async def test_where_a_probe_tells_nothing_one_other_probes_at_once(
    store: Store, open_again: OpenAgain
) -> None:
    await fail(store, 3)
    stores = (store, await open_again())
    assert await admitted(store, at=100) == "probe"
    await told_nothing(store, probed_at=100)
    asked = await asyncio.gather(*(admitted(stores[at % 2], at=101) for at in range(20)))
    assert sorted(asked) == ["probe", *["skip"] * 19]
    await fail(store, 1, at=102)
    assert [await admitted(store, at=at) for at in (201, 202)] == ["skip", "probe"]


async def test_a_probe_that_counts_as_lost_gives_no_place_back(store: Store) -> None:
    await fail(store, 3)
    for at in (100, 140):
        assert await admitted(store, at=at) == "probe"
    await told_nothing(store, probed_at=100)
    assert await admitted(store, at=150) == "skip"


async def test_what_tells_nothing_changes_nothing_of_a_breaker_that_is_told_meanwhile(
    store: Store,
) -> None:
    await told_nothing(store, probed_at=0)
    assert await admitted(store) == "call"
    await fail(store, 3)
    assert await admitted(store, at=100) == "probe"
    await fail(store, 1, at=110)
    await told_nothing(store, probed_at=100)
    assert [await admitted(store, at=at) for at in (209, 210)] == ["skip", "probe"]
    await store.breakers.answered(KEY)
    await told_nothing(store, probed_at=210)
    assert await admitted(store, at=211) == "call"

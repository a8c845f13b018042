"""What is built in the mould of an earlier request is what the long way would have built."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape import Ductape, DuctapeError, Handlers
from ductape.domain.wire import JobView
from ductape.errors import Conflict

PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}, {"slug": "prd"}],
    "jobs": [
        {"tag": "pack", "handler": "python"},
        {"tag": "twice", "event_type": "action", "event_tag": "order", "executions": 2},
    ],
    "apps": [
        {
            "tag": "erp",
            "envs": [{"slug": "dev", "base_url": "http://127.0.0.1:9"}],
            "actions": [{"tag": "order", "resource": "/orders/:id", "method": "POST"}],
        }
    ],
}
PACK = {"product_tag": "shop", "env": "dev", "event": "pack", "input": {}, "start_at": 0}
ORDER = PACK | {"event": "order", "input": {"params:id": 1}}
TWICE = ORDER | {"event": "twice"}
LATER = 4_000_000_000

REQUESTS: list[dict[str, object]] = [
    PACK,
    PACK | {"input": {"a": [1, {"b": "x"}]}},
    PACK | {"start_at": LATER},
    PACK | {"start_at": LATER * 1000 + 7},
    PACK | {"start_at": 1},
    PACK | {"retries": 3, "priority": -5, "queue": "slow", "timeout": 5_000, "onLost": "fail"},
    PACK | {"concurrency_key": "k", "concurrency_limit": 4},
    PACK | {"cache": "c", "app": None, "session": {}, "repeat": None},
    PACK | {"retryConfig": {"initialDelay": 5}, "metadata": {"team": "blue"}},
    PACK | {"metadata": {"team": "red", "ticket": "7"}},
    PACK | {"key": None, "metadata": {}},
    PACK | {"start_at": "2100-01-01T00:00:00Z"},
    PACK | {"input": {"at": "$Now()"}},
    PACK | {"input": {"at": "$Nwo()"}},
    ORDER,
    ORDER | {"app": "erp", "input": {"params:id": 2, "body:x": "y"}},
    TWICE,
]

FAULTY: list[dict[str, object]] = [
    PACK | {"input": None},
    PACK | {"input": {"a": float("nan")}},
    PACK | {"input": {"a": "$Secret{x}"}},
    PACK | {"start_at": True},
    PACK | {"start_at": -1},
    PACK | {"retries": True},
    PACK | {"env": "nowhere"},
    PACK | {"unknown": 1},
    PACK | {"key": 7},
    PACK | {"key": ""},
    PACK | {"key": "k" * 201},
    PACK | {"metadata": {"team": 7}},
    PACK | {"metadata": {"team": "x" * 3_000}},
    PACK | {"metadata": "blue"},
    ORDER | {"input": {"params:id": 1, "sideways:x": 1}},
    TWICE | {"input": {"params:id": 1, "sideways:x": 1}},
    {"product_tag": "shop", "env": "dev", "event": "pack", "start_at": 0},
    {"product_tag": "shop", "env": "dev", "event": "pack", "input": {}},
]


@pytest.fixture
async def ductape(tmp_path: Path) -> AsyncIterator[Ductape]:
    handlers = Handlers()
    handlers.job("pack")(lambda _: None)
    async with Ductape.open(
        f"sqlite:///{tmp_path}/a.db", handlers=handlers, worker=False
    ) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


async def stored(ductape: Ductape, request: dict[str, object]) -> JobView:
    """Store a request and look at what was stored."""
    receipt = await ductape.processor.job.dispatch(request)
    return await ductape.jobs.get(receipt["job_id"])


def likeness(view: JobView, request: dict[str, object]) -> dict[str, object]:
    """Return what two jobs of equal requests have in common: not the id, not now."""
    apart = {"id", "created_at", "updated_at"}
    if request["start_at"] in (0, 1):
        apart |= {"scheduled_at", "next_run_at"}
    return {name: value for name, value in view.items() if name not in apart}


@pytest.mark.parametrize("request_", REQUESTS, ids=repr)
async def test_the_second_job_of_a_request_is_like_the_first(
    ductape: Ductape, request_: dict[str, object]
) -> None:
    first, second = await stored(ductape, request_), await stored(ductape, request_)
    assert likeness(first, request_) == likeness(second, request_)
    assert first["id"] != second["id"]


async def test_jobs_of_one_shape_keep_their_own_inputs_and_starts(ductape: Ductape) -> None:
    views = [
        await stored(ductape, PACK | {"input": {"n": n}, "start_at": LATER + n}) for n in range(5)
    ]
    assert [view["input"] for view in views] == [{"n": n} for n in range(5)]
    assert [view["scheduled_at"] for view in views] == [(LATER + n) * 1000 for n in range(5)]


async def test_a_key_means_the_same_whichever_way_a_job_was_built(
    ductape: Ductape, tmp_path: Path
) -> None:
    first = await stored(ductape, PACK | {"key": "a", "input": {"n": 1}})  # the long way
    other = await stored(ductape, PACK | {"key": "b", "input": {"n": 1}})  # in its mould
    for known in (first, other):
        again = await stored(ductape, PACK | {"key": known["key"], "input": {"n": 1}})
        assert again["id"] == known["id"]
        with pytest.raises(Conflict):
            await stored(ductape, PACK | {"key": known["key"], "input": {"n": 2}})
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as elsewhere:
        again = await stored(elsewhere, PACK | {"key": "b", "input": {"n": 1}})
        assert again["id"] == other["id"]


async def test_metadata_of_one_shape_stay_each_jobs_own(ductape: Ductape) -> None:
    views = [await stored(ductape, PACK | {"metadata": {"n": str(n)}}) for n in range(3)]
    assert [view["metadata"] for view in views] == [{"n": str(n)} for n in range(3)]


async def test_a_callers_input_may_change_after_the_call(ductape: Ductape) -> None:
    given: dict[str, object] = {"n": [1]}
    await stored(ductape, PACK | {"input": given})
    view = await stored(ductape, PACK | {"input": given})
    given["n"] = [2]
    assert view["input"] == (await ductape.jobs.get(view["id"]))["input"] == {"n": [1]}


@pytest.mark.parametrize("faulty", FAULTY, ids=repr)
async def test_what_is_refused_is_refused_beside_a_good_one_of_its_shape(
    ductape: Ductape, faulty: dict[str, object]
) -> None:
    with pytest.raises(DuctapeError) as first:
        await ductape.processor.job.dispatch(faulty)
    for good in (PACK, ORDER, TWICE, PACK | {"retries": 1}):
        await stored(ductape, good)
    with pytest.raises(DuctapeError) as second:
        await ductape.processor.job.dispatch(faulty)
    assert str(first.value) == str(second.value)


async def test_a_new_version_of_the_product_breaks_the_mould(ductape: Ductape) -> None:
    await stored(ductape, ORDER)
    gone = {"tag": "shop", "envs": PRODUCT["envs"]}
    await ductape.products.apply(gone, force=True)
    with pytest.raises(DuctapeError):
        await ductape.processor.job.dispatch(ORDER)


async def test_many_shapes_are_forgotten_and_found_again(ductape: Ductape) -> None:
    for _ in range(2):
        for at in range(300):
            assert (await stored(ductape, PACK | {"queue": f"q{at}"}))["queue"] == f"q{at}"

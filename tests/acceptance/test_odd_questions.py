"""Questions about jobs that cannot be meant: refused at their path, alike on every store."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from ductape import Ductape, Handlers, NotFound, ResultTimeout, ValidationError

PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}
JOB: dict[str, object] = {
    "product_tag": "shop",
    "env": "dev",
    "event": "note",
    "input": {},
    "start_at": 0,
}
UNKNOWN = "018f0000-0000-7000-8000-000000000000"


@pytest.fixture
async def ductape(store: str) -> AsyncIterator[Ductape]:
    handlers = Handlers()

    @handlers.job("note")
    async def note(_: dict[str, object]) -> str:
        return "noted"

    async with Ductape.open(store, handlers=handlers, worker=True) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


@pytest.mark.parametrize("timeout", [-1, True, "5", float("nan"), [1]])
async def test_a_wait_that_cannot_be_is_refused_before_anything_is_stored(
    ductape: Ductape, timeout: float
) -> None:
    with pytest.raises(ValidationError) as refused:
        await ductape.processor.job.schedule(JOB, timeout=timeout)
    assert refused.value.errors[0]["path"] == "timeout"
    assert await ductape.jobs.list() == []
    with pytest.raises(ValidationError, match="timeout"):
        await ductape.processor.job.wait(UNKNOWN, timeout=timeout)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "done"),
        ("status", 5),
        ("kind", "email"),
        ("product", 5),
        ("env", ["dev"]),
        ("event", b"note"),
        ("recurring", "yes"),
        ("queue", 3.5),
        ("session_user", 7),
        ("metadata", "team"),
        ("metadata", {"team": 1}),
        ("metadata", {"team": "\udce9"}),
        ("metadata", {"\udce9": "a"}),
        ("q", 5),
        ("from_", "yesterday"),
        ("to", True),
        ("from_", datetime(2026, 1, 1)),  # noqa: DTZ001 (no zone: that is the fault)
        ("limit", 0),
        ("limit", "x"),
        ("limit", True),
        ("cursor", "garbage"),
        ("cursor", 5),
    ],
)
async def test_a_filter_that_cannot_be_meant_is_refused_at_its_name(
    ductape: Ductape, name: str, value: object
) -> None:
    with pytest.raises(ValidationError) as refused:
        await ductape.jobs.list(**{name: value})  # pyright: ignore[reportArgumentType]
    assert refused.value.errors[0]["path"].startswith(name)


async def test_every_fault_of_a_filter_is_told(ductape: Ductape) -> None:
    with pytest.raises(ValidationError) as refused:
        await ductape.jobs.list(status="done", kind="email", q=1)  # pyright: ignore[reportArgumentType]
    assert [one["path"] for one in refused.value.errors] == ["status", "kind", "q"]
    with pytest.raises(ValidationError, match=r"filter\.status"):
        await ductape.jobs.cancel_many({"status": "done"})


async def test_the_time_of_creation_is_given_as_every_instant_is(ductape: Ductape) -> None:
    job = await ductape.jobs.get((await ductape.processor.job.dispatch(JOB))["job_id"])
    made = datetime.fromtimestamp(job["created_at"] / 1000, UTC)
    later = made + timedelta(hours=1)
    for instant in (later, later.isoformat(), later.timestamp(), round(later.timestamp() * 1000)):
        assert [one["id"] for one in await ductape.jobs.list(to=instant)] == [job["id"]]
        assert await ductape.jobs.list(from_=instant) == []
    assert await ductape.jobs.cancel_many({"from_": later.isoformat()}) == {"count": 0}


@pytest.mark.parametrize(
    "verb", ["get", "cancel", "pause", "resume", "retry", "run_now", "history"]
)
async def test_an_id_is_text(ductape: Ductape, verb: str) -> None:
    with pytest.raises(ValidationError, match="id"):
        await getattr(ductape.jobs, verb)(5)
    with pytest.raises(NotFound):
        await getattr(ductape.jobs, verb)(UNKNOWN)


async def test_a_watch_and_a_wait_for_what_is_no_id(ductape: Ductape) -> None:
    with pytest.raises(ValidationError, match="id"):
        await anext(ductape.jobs.watch(5))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValidationError, match="job_id"):
        await ductape.processor.job.wait(5)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("delay", [-1, True, 1.5, "1", float("nan")])
async def test_a_delay_is_whole_milliseconds(ductape: Ductape, delay: int) -> None:
    receipt = await ductape.processor.job.dispatch({**JOB, "start_at": 4_000_000_000})
    await ductape.jobs.cancel(receipt["job_id"])
    with pytest.raises(ValidationError, match="delay"):
        await ductape.jobs.retry(receipt["job_id"], delay=delay)


@pytest.mark.parametrize("limit", [0, -1, True, "x"])
async def test_a_history_has_a_length(ductape: Ductape, limit: int) -> None:
    with pytest.raises(ValidationError, match="limit"):
        await ductape.jobs.history(UNKNOWN, limit=limit)


async def test_the_wait_after_run_now_is_for_that_run_also_when_it_has_ended(
    ductape: Ductape,
) -> None:
    yearly = {**JOB, "repeat": {"cron": "0 0 1 1 *"}}
    job_id = (await ductape.processor.job.dispatch(yearly))["job_id"]
    await ductape.jobs.run_now(job_id)
    async for job in ductape.jobs.watch(job_id):
        if job["execution_count"] == 1:
            break
    assert await ductape.processor.job.wait(job_id, timeout=10) == "noted"
    with pytest.raises(ResultTimeout):
        await ductape.processor.job.wait(job_id, timeout=0.1)


async def test_a_wait_of_no_time_looks_once(ductape: Ductape) -> None:
    receipt = await ductape.processor.job.dispatch(JOB)
    await ductape.processor.job.wait(receipt["job_id"], timeout=10)
    for timeout in (0, 0.000001):
        assert await ductape.processor.job.wait(receipt["job_id"], timeout=timeout) == "noted"
    with pytest.raises(NotFound):
        await ductape.processor.job.wait(UNKNOWN, timeout=0)
    later = await ductape.processor.job.dispatch({**JOB, "start_at": "2099-01-01"})
    with pytest.raises(ResultTimeout):
        await ductape.processor.job.wait(later["job_id"], timeout=0)


async def test_a_products_tag_is_text(ductape: Ductape) -> None:
    for ask in (ductape.products.get, ductape.products.rollback):
        with pytest.raises(ValidationError, match="tag"):
            await ask(5)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "verb", ["get", "cancel", "pause", "resume", "retry", "run_now", "history"]
)
async def test_half_a_character_is_in_no_id(ductape: Ductape, verb: str) -> None:
    with pytest.raises(ValidationError, match="whole characters"):
        await getattr(ductape.jobs, verb)("caf\udce9")


async def test_half_a_character_is_in_no_id_to_wait_for(ductape: Ductape) -> None:
    with pytest.raises(ValidationError, match="whole characters"):
        await ductape.processor.job.wait("caf\udce9")
    with pytest.raises(ValidationError, match="whole characters"):
        await ductape.features.signal("caf\udce9", "go")
    with pytest.raises(ValidationError, match="whole characters"):
        await ductape.jobs.get(key="caf\udce9", product="shop", env="dev")


async def test_a_page_without_jobs_is_refused_in_the_words_of_other_pages(
    ductape: Ductape,
) -> None:
    with pytest.raises(ValidationError, match="limit: expected an integer from 1 to 1000, found 0"):
        await ductape.jobs.list(limit=0)


async def test_an_id_and_a_key_at_once_are_refused(ductape: Ductape) -> None:
    stored = await ductape.processor.job.dispatch({**JOB, "key": "mine"})
    with pytest.raises(ValidationError) as refused:
        await ductape.jobs.get(stored["job_id"], key="another", product="shop", env="dev")
    assert [one["path"] for one in refused.value.errors] == ["id", "key"]


async def test_an_id_is_quoted_in_brief(ductape: Ductape) -> None:
    with pytest.raises(NotFound) as missing:
        await ductape.jobs.get("x" * 5_000)
    assert len(str(missing.value)) < 100


@pytest.mark.parametrize("reason", [5, b"why", ["why"], "caf\udce9", "x" * 5_000])
async def test_a_reason_is_a_text_that_can_be_shown(ductape: Ductape, reason: object) -> None:
    """One that was stored as it came hid every job from `jobs.list`."""
    job_id = (await ductape.processor.job.dispatch({**JOB, "start_at": 4_000_000_000}))["job_id"]
    with pytest.raises(ValidationError, match="reason"):
        await ductape.jobs.cancel(job_id, reason=reason)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValidationError, match="reason"):
        await ductape.jobs.cancel_many({"env": "dev"}, reason=reason)  # pyright: ignore[reportArgumentType]
    assert [one["status"] for one in await ductape.jobs.list()] == ["scheduled"]

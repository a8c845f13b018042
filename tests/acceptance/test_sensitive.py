"""What a definition calls sensitive lies sealed in the store, and is open where it is needed."""

from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from ductape import Ductape, Handlers
from ductape.errors import JobFailed
from ductape.handlers.python import AsyncContext
from ductape.stores.sqlite.file.opening import connect

NUMBER = "4000-1234-5678"
ANSWER = "approved-for-ada"
ROWS = (
    "SELECT * FROM runs",
    "SELECT * FROM history",
    "SELECT * FROM schedules",
    "SELECT * FROM cache_entries",
    "SELECT * FROM job_keys",
)
PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [
        {"tag": "charge", "handler": "python", "sensitive": True},
        {"tag": "open", "handler": "python"},
    ],
}
JOB = {"product_tag": "shop", "env": "dev", "event": "charge", "input": {"card": NUMBER}}
LATER = {"start_at": 4_000_000_000}


@pytest.fixture
async def ductape(store: str) -> AsyncIterator[Ductape]:
    handlers = Handlers()

    @handlers.job("charge")
    async def charge(given: dict[str, object], ctx: AsyncContext) -> dict[str, object]:
        if given.get("fails"):
            raise RuntimeError("declined")
        if given.get("tells") and ctx.last_checkpoint is None:
            await ctx.checkpoint({"charged": given["card"]})
            await ctx.progress(1, 2, f"charging {given['card']}")
            raise RuntimeError(f"no such card: {given['card']}")
        if given.get("tells"):
            return {"said": ctx.last_checkpoint}
        return {"said": ANSWER, "card": given["card"]}

    @handlers.job("open")
    async def open_(given: dict[str, object]) -> dict[str, object]:
        return given

    async with Ductape.open(store, handlers=handlers, worker=True) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


Rest = Callable[[], bytes]


@pytest.fixture
def at_rest(store: str) -> Rest:
    """Give all that the tables of jobs hold, as bytes."""

    def everything() -> bytes:
        rows = _on_sqlite(store) if store.startswith("sqlite") else _on_postgres(store)
        cells = [cell for row in rows for cell in row]
        return b"\n".join(c if isinstance(c, bytes) else str(c).encode() for c in cells)

    return everything


def _on_sqlite(store: str) -> list[tuple[object, ...]]:
    path = Path(store.removeprefix("sqlite:///"))
    with closing(connect(str(path))) as connection:
        return [row for query in ROWS for row in connection.execute(query).fetchall()]


def _on_postgres(store: str) -> list[tuple[object, ...]]:
    with psycopg.connect(store) as connection:
        connection.execute("SET search_path TO ductape")
        return [row for query in ROWS for row in connection.execute(query.encode()).fetchall()]


async def test_the_result_comes_back_and_neither_it_nor_the_input_lies_open(
    ductape: Ductape, at_rest: Rest
) -> None:
    result = await ductape.processor.job.schedule({**JOB, "start_at": 0})
    assert result == {"said": ANSWER, "card": NUMBER}
    kept = at_rest()
    assert NUMBER.encode() not in kept
    assert ANSWER.encode() not in kept
    assert b"$sealed" in kept


async def test_what_is_not_sensitive_lies_open(ductape: Ductape, at_rest: Rest) -> None:
    await ductape.processor.job.schedule({**JOB, "event": "open", "start_at": 0})
    assert NUMBER.encode() in at_rest()


async def test_a_job_that_waits_is_sealed_and_shown_as_given(
    ductape: Ductape, at_rest: Rest
) -> None:
    receipt = await ductape.processor.job.dispatch({**JOB, **LATER})
    assert NUMBER.encode() not in at_rest()
    shown = await ductape.jobs.get(receipt["job_id"])
    assert shown["input"] == {"card": NUMBER}
    assert [job["input"] for job in await ductape.jobs.list()] == [{"card": NUMBER}]


async def test_jobs_like_an_earlier_one_are_sealed_each_for_itself(
    ductape: Ductape, at_rest: Rest
) -> None:
    cards = [f"{NUMBER}-{at}" for at in range(5)]
    batch = [{**JOB, **LATER, "input": {"card": card}} for card in cards]
    receipts = await ductape.processor.job.dispatch_many(batch[:1])
    receipts += await ductape.processor.job.dispatch_many(batch[1:])
    assert NUMBER.encode() not in at_rest()
    shown = [(await ductape.jobs.get(one["job_id"]))["input"]["card"] for one in receipts]
    assert shown == cards


async def test_a_recurrence_keeps_it_sealed_from_run_to_run(
    ductape: Ductape, at_rest: Rest
) -> None:
    repeat = {"every": 100, "limit": 3}
    receipt = await ductape.processor.job.dispatch({**JOB, "start_at": 0, "repeat": repeat})
    async for seen in ductape.jobs.watch(receipt["job_id"]):
        assert seen["input"] == {"card": NUMBER}
    history = await ductape.jobs.history(receipt["job_id"])
    assert [run["result"]["card"] for run in history["executions"]] == [NUMBER] * 3
    assert NUMBER.encode() not in at_rest()


async def test_a_failed_one_is_tried_again_with_its_own_input(
    ductape: Ductape, at_rest: Rest
) -> None:
    given = {"card": NUMBER, "fails": True}
    with pytest.raises(JobFailed, match="declined") as caught:
        await ductape.processor.job.schedule({**JOB, "start_at": 0, "input": given})
    job_id = caught.value.job_id
    assert job_id is not None
    again = await ductape.jobs.retry(job_id, delay=3_600_000)
    assert again["input"] == given
    assert NUMBER.encode() not in at_rest()


async def test_a_cached_result_answers_an_equal_job(ductape: Ductape, at_rest: Rest) -> None:
    job = {**JOB, "start_at": 0, "cache": "charges"}
    first = await ductape.processor.job.schedule(job)
    receipt = await ductape.processor.job.dispatch(job)
    assert await ductape.processor.job.wait(receipt["job_id"]) == first
    shown = await ductape.jobs.get(receipt["job_id"])
    assert shown["cached"]
    assert shown["result"] == first
    assert ANSWER.encode() not in at_rest()


async def test_neither_an_error_nor_a_checkpoint_nor_progress_lets_an_input_out(
    ductape: Ductape, at_rest: Rest
) -> None:
    receipt = await ductape.processor.job.dispatch(
        {
            **JOB,
            "input": {"card": NUMBER, "tells": True},
            "start_at": 0,
            "retries": 1,
            "retryConfig": {"initialDelay": 100},
        }
    )
    result = await ductape.processor.job.wait(receipt["job_id"])
    assert result == {"said": {"charged": NUMBER}}
    job = await ductape.jobs.get(receipt["job_id"])
    assert job["progress"] == {"done": 1, "total": 2, "note": "charging ***"}
    error = job["attempts"][0]["error"]
    assert error is not None
    assert error["message"] == "no such card: ***"
    assert NUMBER not in (error["traceback"] or "")
    assert NUMBER.encode() not in at_rest()

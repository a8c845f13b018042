"""A batch of jobs that are known or recur costs PostgreSQL as many statements as a few do."""

from collections.abc import AsyncIterator, Callable

import pytest

from ductape import Ductape, Handlers
from tests.postgres.test_many_followers import asked
from tests.postgres.test_outbox import DAILY, JOB, KEY, PRODUCT

__all__ = ["asked"]

Request = dict[str, object]
LATER = "2099-01-02T00:00:00Z"
FEW, MANY = 6, 60
BESIDE = 20
"""Statements that the process may send of its own accord meanwhile."""

handlers = Handlers()


@handlers.job("ship")
def ship() -> None:
    return


@pytest.fixture
async def ductape(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ductape]:
    """Give a process that only stores."""
    monkeypatch.setenv("DUCTAPE_KEY", KEY)
    async with Ductape.open(url, handlers=handlers) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


def of_one_key(_: int) -> Request:
    return {**JOB, "key": "one"}


def keyed(at: int) -> Request:
    return {**JOB, "key": f"k{at}"}


def recurring(at: int) -> Request:
    return {**DAILY, "key": f"r{at}"}


def changed(at: int) -> Request:
    return {**recurring(at), "repeat": {"every": 3_600_000}}


def twin(at: int) -> Request:
    return {**DAILY, "input": {"n": at}}


@pytest.mark.parametrize(
    ("before", "made"),
    [
        (of_one_key, of_one_key),
        (keyed, keyed),
        (None, recurring),
        (recurring, recurring),
        (recurring, changed),
        (None, twin),
        (twin, twin),
    ],
)
async def test_many_cost_as_many_statements_as_a_few(
    ductape: Ductape,
    asked: list[bytes],
    before: Callable[[int], Request] | None,
    made: Callable[[int], Request],
) -> None:
    dispatch = ductape.processor.job.dispatch_many
    ranges = range(FEW), range(FEW, FEW + MANY)
    if before is not None:
        await dispatch([before(at) for at in range(FEW + MANY)])
    counted: list[int] = []
    for each in ranges:
        asked.clear()
        receipts = await dispatch([made(at) for at in each])
        assert len(receipts) == len(each)
        counted.append(len(asked))
    few, many = counted
    assert many <= few + BESIDE


async def test_changed_recurrences_keep_what_they_were_and_get_what_is_new(
    ductape: Ductape,
) -> None:
    dispatch, jobs = ductape.processor.job.dispatch_many, ductape.jobs
    first = await dispatch([recurring(at) for at in range(3)])
    await jobs.pause(first[1]["job_id"])
    again = await dispatch([changed(at) for at in range(4)])
    assert [one["job_id"] for one in again[:3]] == [one["job_id"] for one in first]
    assert [bool(one["warnings"]) for one in again] == [True, True, True, False]
    views = [await jobs.get(one["job_id"]) for one in again]
    assert [view["every"] for view in views] == [3_600_000] * 4
    assert [view["status"] for view in views] == ["scheduled", "paused", "scheduled", "scheduled"]

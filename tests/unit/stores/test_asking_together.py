"""Questions that come while an answer is under way are asked together on PostgreSQL."""

import asyncio
from collections.abc import Sequence

import pytest

from ductape.errors import StoreError
from ductape.stores.postgres.server.batches import LANES, MOST, Batches


class Oracle:
    """Answers with what it was asked, once it may; notes each batch."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may = asyncio.Event()
        self.fault: Exception | None = None

    async def answer(self, questions: Sequence[int]) -> list[int]:
        self.batches.append([*questions])
        await self.may.wait()
        if self.fault is not None:
            raise self.fault
        return [*questions]


@pytest.fixture
async def oracle() -> Oracle:
    return Oracle()


@pytest.fixture
def batches(oracle: Oracle) -> Batches[int, int]:
    return Batches(oracle.answer, name="asked")


def all_asked(batches: Batches[int, int], numbers: Sequence[int]) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(batches.answer(number)) for number in numbers]


async def rounds(count: int) -> None:
    """Let the event loop turn so often."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_asked_at_once_is_one_batch(
    batches: Batches[int, int], oracle: Oracle
) -> None:
    oracle.may.set()
    assert await asyncio.gather(*all_asked(batches, range(9))) == [*range(9)]
    assert oracle.batches == [[*range(9)]]


async def test_what_comes_while_all_lanes_are_taken_waits_and_goes_together(
    batches: Batches[int, int], oracle: Oracle
) -> None:
    asked: list[asyncio.Task[int]] = []
    for number in range(LANES + 3):
        asked += all_asked(batches, [number])
        await rounds(3)
    assert oracle.batches == [[number] for number in range(LANES)]
    oracle.may.set()
    assert await asyncio.gather(*asked) == [*range(LANES + 3)]
    assert oracle.batches[LANES:] == [[*range(LANES, LANES + 3)]]


async def test_a_batch_is_bounded(batches: Batches[int, int], oracle: Oracle) -> None:
    oracle.may.set()
    await asyncio.gather(*all_asked(batches, range(MOST + 1)))
    assert [len(batch) for batch in oracle.batches] == [MOST, 1]


async def test_whose_caller_has_gone_before_it_began_is_not_asked(
    batches: Batches[int, int], oracle: Oracle
) -> None:
    asked = all_asked(batches, [1, 2])
    await rounds(1)
    asked[0].cancel()
    oracle.may.set()
    assert await asked[1] == 2
    assert oracle.batches == [[2]]


async def test_each_caller_gets_an_error_of_its_own(
    batches: Batches[int, int], oracle: Oracle
) -> None:
    oracle.fault = StoreError("the server is away", path="there", hint="wait")
    oracle.fault.passing = True
    oracle.may.set()
    told = await asyncio.gather(*all_asked(batches, [1, 2]), return_exceptions=True)
    assert len({id(error) for error in told}) == 2
    for error in told:
        assert isinstance(error, StoreError)
        assert (error.message, error.path, error.hint) == ("the server is away", "there", "wait")
        assert error.passing


async def test_it_closes_once_what_is_under_way_is_answered(
    batches: Batches[int, int], oracle: Oracle
) -> None:
    [asked] = all_asked(batches, [1])
    await rounds(3)
    asked.cancel()
    closing = asyncio.create_task(batches.aclose())
    await rounds(3)
    assert not closing.done()
    oracle.may.set()
    await closing

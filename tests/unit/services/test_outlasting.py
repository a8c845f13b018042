"""Outages of a store, as whoever waits sees them: one asks for all, and every end is told."""

import asyncio

import pytest

from ductape.errors import StoreError
from ductape.services.jobs import outlasting
from ductape.services.jobs.outlasting import Outlasting

PLACE = "postgresql://db/jobs"


class Shaky:
    """A store that answers once it is told to."""

    def __init__(self, *, passing: bool = True) -> None:
        self.asked = 0
        self.answers = False
        self.passing = passing
        self.asked_again = asyncio.Event()

    async def ask(self) -> str:
        self.asked += 1
        if self.answers:
            return "here"
        self.asked_again.set()
        error = StoreError("out of reach", path=PLACE)
        error.passing = self.passing
        raise error


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlasting, "ASK_AGAIN_S", 0.001)


async def asked_again(store: Shaky) -> None:
    for _ in range(3):
        store.asked_again.clear()
        async with asyncio.timeout(5):
            await store.asked_again.wait()


async def test_many_who_wait_through_an_outage_have_one_of_them_ask(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, waits = Shaky(), Outlasting()
    waiting = [asyncio.create_task(waits.answer(store.ask)) for _ in range(1_000)]
    await asked_again(store)
    before = store.asked
    await asked_again(store)
    assert store.asked - before < 10
    store.answers = True
    assert await asyncio.gather(*waiting) == ["here"] * 1_000
    assert [record.message for record in caplog.records] == [
        "the store is away, whoever waits for a job waits on: out of reach",
        f"the store is back: {PLACE}",
    ]


async def test_whoever_gives_up_leaves_the_asking_to_another() -> None:
    store, waits = Shaky(), Outlasting()
    first, second = (asyncio.create_task(waits.answer(store.ask)) for _ in range(2))
    await asked_again(store)
    first.cancel()
    await asked_again(store)
    store.answers = True
    assert await second == "here"
    assert first.cancelled()


async def test_an_outage_that_turns_out_to_last_ends_the_waiting_of_all() -> None:
    store, waits = Shaky(), Outlasting()
    waiting = [asyncio.create_task(waits.answer(store.ask)) for _ in range(3)]
    await asked_again(store)
    store.passing = False
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(end) for end in ends} == {StoreError}


async def test_every_outage_is_told(caplog: pytest.LogCaptureFixture) -> None:
    waits = Outlasting()
    for _ in range(2):
        store = Shaky()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await waits.answer(store.ask)
    assert caplog.text.count("the store is away") == 2

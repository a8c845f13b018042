"""Looks that many ask for at once are taken together, and nobody is forgotten."""

import asyncio
from collections.abc import Sequence

import pytest

from ductape.stores.gathering import AT_ONCE, Gathering

MANY = 1_000


class Looking:
    """Looks when it is let, and remembers for what."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.asked: list[list[str]] = []
        self.fails = False

    async def __call__(self, names: Sequence[str]) -> dict[str, str]:
        self.asked.append([*names])
        await self.let.wait()
        if self.fails:
            raise OSError(*names)
        return {name: name.upper() for name in names if name != "nobody"}


@pytest.fixture
def looking() -> Looking:
    return Looking()


async def settle_down() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_few_are_looked_for_by_themselves(looking: Looking) -> None:
    looking.let.set()
    gathering = Gathering(looking)
    answers = await asyncio.gather(*(gathering.get(name) for name in ("a", "nobody", "c")))
    assert answers == ["A", None, "C"]
    assert looking.asked == [["a"], ["nobody"], ["c"]]


async def test_many_are_looked_for_together(looking: Looking) -> None:
    gathering = Gathering(looking)
    tasks = [asyncio.create_task(gathering.get(f"n{at}")) for at in range(MANY)]
    await settle_down()
    looking.let.set()
    assert await asyncio.gather(*tasks) == [f"N{at}" for at in range(MANY)]
    assert len(looking.asked) < 4 * AT_ONCE


async def test_a_look_is_not_for_who_asked_after_it_began(looking: Looking) -> None:
    gathering = Gathering(looking)
    tasks = [asyncio.create_task(gathering.get("a")) for _ in range(AT_ONCE + 1)]
    await settle_down()
    assert len(looking.asked) == AT_ONCE
    looking.let.set()
    assert await asyncio.gather(*tasks) == ["A"] * (AT_ONCE + 1)
    assert len(looking.asked) == AT_ONCE + 1


async def test_an_error_is_told_to_all_who_asked(looking: Looking) -> None:
    looking.fails = True
    gathering = Gathering(looking)
    tasks = [asyncio.create_task(gathering.get(f"n{at}")) for at in range(20)]
    await settle_down()
    looking.let.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [OSError] * 20
    looking.fails = False
    assert await gathering.get("a") == "A"


@pytest.mark.parametrize("gone", [range(AT_ONCE), range(AT_ONCE, 10), range(8)])
async def test_who_goes_leaves_the_others_their_answers(looking: Looking, gone: range) -> None:
    gathering = Gathering(looking)
    tasks = [asyncio.create_task(gathering.get(f"n{at}")) for at in range(20)]
    await settle_down()
    for at in gone:
        tasks[at].cancel()
    await settle_down()
    looking.let.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [at for at, answer in enumerate(answers) if answer != f"N{at}"] == [*gone]
    assert await gathering.get("a") == "A"


async def test_who_is_told_to_look_and_goes_hands_that_on(looking: Looking) -> None:
    gathering = Gathering(looking)
    tasks = [asyncio.create_task(gathering.get(f"n{at}")) for at in range(AT_ONCE + 2)]
    await settle_down()
    looking.let.set()
    tasks[0].cancel()
    await asyncio.sleep(0)  # it goes, and tells the one who waits longest
    tasks[AT_ONCE].cancel()
    assert await tasks[-1] == f"N{AT_ONCE + 1}"
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await gathering.get("a") == "A"

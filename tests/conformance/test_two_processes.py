"""What every shared store must do for several processes: wake, take over, refuse zombies."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ductape.domain.outcome import Lost
from ductape.ports.stores import Store
from ductape.ports.stores.reading import JobFilter
from ductape.ports.wake import Hint
from tests.builders import LEASE_MS, NOW_MS, a_new_job, a_spec, a_wish
from tests.conformance.openers import OPENERS, SHARED, make_bare
from tests.conformance.steps import claimed_one, hired, last, live, record, settled, stored

DEAD_MS = NOW_MS + LEASE_MS + 1
PATIENCE_S = 20


class Neighbour:
    """A real process that has the same store open."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def told(self, order: str) -> str:
        """Give an order and wait for the answer."""
        self.tell(order)
        return await self.answer()

    def tell(self, order: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n".encode())

    async def answer(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            line = await self._process.stdout.readline()
        assert line, "the neighbour died"
        return line.decode().strip()

    async def killed(self) -> None:
        """Kill it where it stands."""
        self._process.kill()
        await self._process.wait()

    async def gone(self) -> int | None:
        """Let it end in peace; return its exit code."""
        if self._process.returncode is None and self._process.stdin is not None:
            self._process.stdin.close()
            async with asyncio.timeout(PATIENCE_S):
                await self._process.wait()
        return self._process.returncode


Begin = Callable[[str], Awaitable[Neighbour]]


@pytest.fixture(params=SHARED)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def begin(kind: str, place: Path) -> AsyncIterator[Begin]:
    """Start a neighbour that has not opened the store yet."""
    begun: list[Neighbour] = []

    async def neighbour(name: str) -> Neighbour:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.conformance.neighbour", kind, str(place), name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        begun.append(Neighbour(process))
        return begun[-1]

    yield neighbour
    for one in begun:
        assert await one.gone() in (0, -9)


@pytest.fixture
async def store(kind: str, place: Path) -> AsyncIterator[Store]:
    opened = await OPENERS[kind](place, "here")
    yield opened
    await opened.aclose()


@pytest.fixture
async def neighbour(begin: Begin, store: Store) -> Neighbour:
    """Give a neighbour that has the same store open."""
    assert store is not None
    one = await begin("there")
    assert await one.told("open") == "ready"
    return one


async def test_many_processes_that_open_a_fresh_store_at_once_all_get_in(
    begin: Begin, place: Path
) -> None:
    make_bare(place)
    crowd = [await begin(f"n{at}") for at in range(3)]
    answers = await asyncio.gather(*(one.told("open") for one in crowd))
    assert answers == ["ready"] * 3


async def test_two_processes_that_add_one_key_leave_one_job(
    store: Store, neighbour: Neighbour
) -> None:
    neighbour.tell("add a 50")
    jobs = [a_new_job(a_spec(key="a")) for _ in range(50)]
    mine = await asyncio.gather(*(store.intake.add([job], now_ms=NOW_MS) for job in jobs))
    theirs = (await neighbour.answer()).split()
    verdicts = theirs + [answer.verdict for [answer] in mine]
    assert sorted(verdicts) == ["added"] + ["existing"] * 99
    assert len(await store.reading.many(JobFilter(), limit=9, before=None)) == 1


async def test_a_hint_reaches_the_other_process(store: Store, neighbour: Neighbour) -> None:
    neighbour.tell("hint")
    store.wake.tell("control")
    assert await neighbour.answer() == "control"


async def test_a_hint_comes_back_from_the_other_process(store: Store, neighbour: Neighbour) -> None:
    heard: asyncio.Queue[Hint] = asyncio.Queue()
    store.wake.listen(lambda hint, _: heard.put_nowait(hint))
    assert await neighbour.told("tell") == "told"
    async with asyncio.timeout(PATIENCE_S):
        assert await heard.get() == "settled"


async def test_a_run_is_claimed_by_one_of_two_processes(store: Store, neighbour: Neighbour) -> None:
    await hired(store, "here")
    await neighbour.told("hire")
    [job_id] = await stored(store, a_new_job())
    assert await neighbour.told("claim") == job_id
    turn = await store.claims.turn(a_wish("here"), [], now_ms=NOW_MS)
    assert turn.claims == []


async def test_the_run_of_a_killed_process_is_taken_over_when_its_lease_has_passed(
    store: Store, neighbour: Neighbour
) -> None:
    [job_id] = await stored(store, a_new_job())
    await neighbour.told("hire")
    assert await neighbour.told("claim") == job_id
    await neighbour.killed()
    assert await store.fleet.lost(now_ms=DEAD_MS - 1, limit=9) == []
    [found] = await store.fleet.lost(now_ms=DEAD_MS, limit=9)
    assert await settled(store, found, Lost("killed"), now_ms=DEAD_MS) == "recorded"
    await hired(store, "here", now_ms=DEAD_MS)
    again = await claimed_one(store, "here", now_ms=DEAD_MS)
    assert (again.run.job_id, again.run.losses) == (job_id, 1)


async def test_the_result_of_a_zombie_is_refused(store: Store, neighbour: Neighbour) -> None:
    [job_id] = await stored(store, a_new_job())
    await neighbour.told("hire")
    await neighbour.told("claim")
    [found] = await store.fleet.lost(now_ms=DEAD_MS, limit=9)
    await settled(store, found, Lost("silent"), now_ms=DEAD_MS)
    assert await neighbour.told("settle") == "fenced"
    assert (await live(store, job_id)).attempts[0].status == "lost"


async def test_the_lease_of_a_zombie_stays_lost(store: Store, neighbour: Neighbour) -> None:
    await neighbour.told("hire")
    assert await neighbour.told(f"beat {NOW_MS + 5}") == "True"
    assert await neighbour.told(f"beat {DEAD_MS + 5}") == "False"
    assert await store.fleet.workers(now_ms=DEAD_MS + 5) == []


async def test_what_a_process_stored_before_it_was_killed_is_there(
    store: Store, neighbour: Neighbour
) -> None:
    await neighbour.told("add a 1")
    await neighbour.killed()
    held = await store.intake.holder("orders", "prd", "a")
    assert held is not None
    assert (await record(store, held.job_id)).status == "queued"


async def test_what_one_process_settles_the_other_reads(store: Store, neighbour: Neighbour) -> None:
    [job_id] = await stored(store, a_new_job())
    await neighbour.told("hire")
    await neighbour.told("claim")
    assert await neighbour.told("settle") == "recorded"
    assert (await last(store, job_id)).result == "there"

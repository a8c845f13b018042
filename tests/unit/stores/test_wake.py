"""Hints between those who share a SQLite file: heard at once, made up for where they are lost."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

import pytest

from ductape.ports.wake import Hint
from ductape.stores.sqlite.file import wake as waking
from ductape.stores.sqlite.file.wake_folder import enter, folder_of
from ductape.stores.sqlite.store import SqliteStore, open_sqlite
from tests.builders import NOW_MS, a_new_job, decide

PATIENCE_S = 20

Open = Callable[[str], SqliteStore]


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder whose path is short enough for sockets beside the file."""
    with TemporaryDirectory(prefix="w") as folder:
        yield Path(folder)


@pytest.fixture
async def opened(place: Path) -> AsyncIterator[Open]:
    """Open the same file again and again, each time under another name."""
    stores: list[SqliteStore] = []

    def again(token: str) -> SqliteStore:
        stores.append(open_sqlite(str(place / "a.db"), decide=decide, token=token))
        return stores[-1]

    yield again
    for store in stores:
        await store.aclose()


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[str]:
    """Look all the time; tell who has tried to come into the folder."""
    tokens: asyncio.Queue[str] = asyncio.Queue()

    def told(path: str, token: str) -> tuple[Path, socket.socket]:
        tokens.put_nowait(token)
        return enter(path, token)

    monkeypatch.setattr(waking, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(waking, "enter", told)
    return tokens


async def names(tries: asyncio.Queue[str], count: int) -> set[str]:
    async with asyncio.timeout(PATIENCE_S):
        return {await tries.get() for _ in range(count)}


class Ear:
    """Hears what a store is told."""

    def __init__(self, store: SqliteStore) -> None:
        self.heard: asyncio.Queue[Hint] = asyncio.Queue()
        self.stop = store.wake.listen(lambda hint, _: self.heard.put_nowait(hint))

    async def next(self, count: int = 1) -> set[Hint]:
        async with asyncio.timeout(PATIENCE_S):
            return {await self.heard.get() for _ in range(count)}


async def test_a_hint_is_heard_at_once_by_its_own_process(opened: Open) -> None:
    store = opened("one")
    ear = Ear(store)
    store.wake.tell("work")
    assert ear.heard.get_nowait() == "work"


async def test_a_hint_names_its_jobs_to_its_own_process(opened: Open) -> None:
    store = opened("one")
    named: list[object] = []
    store.wake.listen(lambda _, jobs: named.append(jobs))
    store.wake.tell("settled", ["j1"])
    assert named == [["j1"]]


async def test_a_hint_is_heard_by_every_neighbour(opened: Open) -> None:
    one, two, three = opened("one"), opened("two"), opened("three")
    ears = [Ear(two), Ear(three)]
    one.wake.tell("work")
    assert [await ear.next() for ear in ears] == [{"work"}, {"work"}]


async def test_hints_told_together_arrive_together(opened: Open) -> None:
    one, ear = opened("one"), Ear(opened("two"))
    for hint in ("work", "settled", "work", "control", "products"):
        one.wake.tell(hint)
    assert await ear.next(4) == {"work", "settled", "control", "products"}
    assert ear.heard.empty()


async def test_who_has_stopped_listening_hears_nothing(opened: Open) -> None:
    store = opened("one")
    ear = Ear(store)
    ear.stop()
    store.wake.tell("work")
    assert ear.heard.empty()


async def test_a_lost_hint_is_made_up_for_by_a_look_at_the_file(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking, "LOOK_EVERY_S", 0.01)
    silent, ear = opened("one"), Ear(opened("two"))
    await silent.intake.add([a_new_job()], now_ms=NOW_MS)
    assert await ear.next(4) == {"work", "settled", "control", "products"}


async def test_the_socket_of_a_dead_neighbour_is_taken_away(opened: Open, place: Path) -> None:
    one, ear = opened("one"), Ear(opened("two"))
    left = place / "a.db.wake" / "dead"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as corpse:
        corpse.bind(str(left))
    one.wake.tell("work")
    assert await ear.next() == {"work"}
    assert not left.exists()


async def test_a_cleared_folder_breaks_nothing_and_is_made_anew(
    opened: Open, place: Path, tries: asyncio.Queue[str]
) -> None:
    one, two = opened("one"), opened("two")
    assert await names(tries, 2) == {"one", "two"}
    rmtree(place / "a.db.wake")
    one.wake.tell("work")
    assert await names(tries, 2) == {"one", "two"}
    ear = Ear(two)
    one.wake.tell("control")
    assert await ear.next() == {"control"}


async def test_where_the_databases_own_folder_is_gone_looking_goes_on(
    opened: Open, place: Path, tries: asyncio.Queue[str]
) -> None:
    store = opened("one")
    rmtree(place)
    store.wake.tell("work")
    assert await names(tries, 3) == {"one"}
    await store.aclose()


async def test_a_neighbour_that_does_not_read_holds_nobody_up(opened: Open, place: Path) -> None:
    one, ear = opened("one"), Ear(opened("two"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(place / "a.db.wake" / "deaf"))
        for _ in range(1_000):
            one.wake.tell("work")
            await asyncio.sleep(0)
        assert await ear.next() == {"work"}


async def test_what_is_no_hint_is_passed_over(opened: Open, place: Path) -> None:
    ear = Ear(opened("one"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"?!w", str(place / "a.db.wake" / "one"))
    assert await ear.next() == {"work"}


async def test_telling_as_the_store_closes_is_harmless(opened: Open) -> None:
    store = opened("one")
    store.wake.tell("work")
    store.wake.close()
    await asyncio.sleep(0)
    store.wake.tell("work")
    await asyncio.sleep(0)


async def test_a_closed_store_leaves_no_socket(opened: Open, place: Path) -> None:
    store = opened("one")
    assert (place / "a.db.wake" / "one").is_socket()
    await store.aclose()
    assert not (place / "a.db.wake" / "one").exists()


async def test_stores_with_a_long_path_hear_each_other_too(place: Path) -> None:
    deep = place / ("d" * 100)
    deep.mkdir()
    paths = str(deep / "a.db")
    one = open_sqlite(paths, decide=decide, token="one")
    two = open_sqlite(paths, decide=decide, token="two")
    ear = Ear(two)
    one.wake.tell("work")
    assert await ear.next() == {"work"}
    await one.aclose()
    assert folder_of(paths).is_dir()
    await two.aclose()
    assert not folder_of(paths).exists()

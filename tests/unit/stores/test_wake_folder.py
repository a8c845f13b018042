"""The folder of wake-up sockets: this user's alone, and there as long as somebody is in it."""

import asyncio
import socket
import sys
from asyncio import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ductape.errors import StoreError
from ductape.stores.sqlite.file.wake_folder import enter, folder_of, leave
from ductape.stores.sqlite.store import open_sqlite
from tests.builders import decide
from tests.pages import ROOT

COMINGS = 400
OPENINGS = 15
THREADS = 4
PROCESSES = 3

OPENS_AND_CLOSES = """
import asyncio, sys
from ductape.stores.sqlite.store import open_sqlite
from tests.builders import decide

async def main(path, name, times):
    for at in range(times):
        store = open_sqlite(path, decide=decide, token=f"{name}-{at}")
        store.wake.tell("work")
        await asyncio.sleep(0)
        await store.aclose()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder whose path is short enough for sockets beside the file."""
    with TemporaryDirectory(prefix="w") as folder:
        yield Path(folder)


async def test_a_folder_that_others_may_write_to_is_refused(place: Path) -> None:
    folder = place / "a.db.wake"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(StoreError, match="own folder of mode 0700"):
        open_sqlite(str(place / "a.db"), decide=decide, token="t")


async def test_the_folder_is_made_for_its_owner_alone(place: Path) -> None:
    store = open_sqlite(str(place / "a.db"), decide=decide, token="t")
    assert (place / "a.db.wake").stat().st_mode & 0o777 == 0o700
    await store.aclose()


async def test_who_leaves_last_takes_the_folder_along(place: Path) -> None:
    one = open_sqlite(str(place / "a.db"), decide=decide, token="one")
    two = open_sqlite(str(place / "a.db"), decide=decide, token="two")
    await one.aclose()
    assert [path.name for path in (place / "a.db.wake").iterdir()] == ["two"]
    await two.aclose()
    await two.aclose()
    assert not (place / "a.db.wake").exists()


async def test_the_dead_do_not_keep_it(place: Path) -> None:
    store = open_sqlite(str(place / "a.db"), decide=decide, token="t")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as corpse:
        corpse.bind(str(place / "a.db.wake" / "dead"))
    await store.aclose()
    assert not (place / "a.db.wake").exists()


def test_nobody_who_comes_is_shut_out_by_those_who_leave(place: Path) -> None:
    path = str(place / "a.db")

    def comes_and_goes(name: int) -> int:
        missed = 0
        for at in range(COMINGS):
            own, ours = enter(path, f"{name}-{at}")
            with ours:
                missed += not own.is_socket()
            leave(own)
        return missed

    with ThreadPoolExecutor(THREADS) as threads:
        assert sum(threads.map(comes_and_goes, range(THREADS))) == 0
    assert not folder_of(path).exists()


async def test_processes_that_come_and_go_share_one_folder(place: Path) -> None:
    path = str(place / "a.db")
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", OPENS_AND_CLOSES, path, str(name), str(OPENINGS),
            stderr=subprocess.PIPE, cwd=ROOT,
        )
        for name in range(PROCESSES)
    ]  # fmt: skip
    ends = [(await one.communicate())[1] for one in running]
    assert ends == [b""] * PROCESSES
    assert not folder_of(path).exists()


def test_a_place_that_is_not_there_is_told_at_once(place: Path) -> None:
    with pytest.raises(FileNotFoundError):
        enter(str(place / "missing" / "a.db"), "t")

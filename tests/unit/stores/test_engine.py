"""The engine of the SQLite store: shared commits, each caller's own answer, a clean end."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ductape.errors import StoreError
from ductape.stores.sqlite.connection import Connection, open_connection
from ductape.stores.sqlite.file import opening
from ductape.stores.sqlite.file.engine import Engine, Step

PUT = "INSERT INTO secrets VALUES ('p', '', ?, x'00', 1)"


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    opened = Engine(str(tmp_path / "a.db"))
    yield opened
    await opened.aclose()


@pytest.fixture(params=[False, True], ids=["threaded", "inline"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    opened = Engine(str(tmp_path / "a.db"), inline=request.param)
    yield opened
    await opened.aclose()


def put(name: str) -> Step[str]:
    def step(connection: Connection) -> str:
        connection.execute(PUT, (name,))
        return name

    return step


def fail(connection: Connection) -> str:
    connection.execute(PUT, ("half",))
    raise ValueError("mine")


async def names(engine: Engine) -> list[str]:
    sql = "SELECT name FROM secrets ORDER BY name"
    return await engine.read(lambda c: [row[0] for row in c.execute(sql)])


class Gate:
    """Holds the writer inside a commit until opened, so that what comes next gathers behind it."""

    def __init__(self, engine: Engine) -> None:
        self._open = threading.Event()
        self._reached = threading.Event()
        self.commit = asyncio.ensure_future(engine.write(self._step))

    def _step(self, _: Connection) -> None:
        self._reached.set()
        assert self._open.wait(20)

    async def reached(self) -> None:
        await asyncio.to_thread(self._reached.wait, 20)

    async def open(self) -> None:
        self._open.set()
        await self.commit


async def test_steps_that_wait_together_share_a_commit(engine: Engine) -> None:
    gate = Gate(engine)
    await gate.reached()
    begun: list[int] = []

    def step(connection: Connection) -> None:
        begun.append(connection.execute("SELECT count(*) FROM secrets").get)
        connection.execute(PUT, (str(len(begun)),))

    callers = [asyncio.ensure_future(engine.write(step)) for _ in range(5)]
    await asyncio.sleep(0)
    watcher = engine.connection()
    before = watcher.execute("PRAGMA data_version").get
    await gate.open()
    await asyncio.gather(*callers)
    assert begun == [0, 1, 2, 3, 4]
    assert watcher.execute("PRAGMA data_version").get == before + 1
    watcher.close()


async def test_steps_that_share_a_commit_each_get_their_own_answer(engine: Engine) -> None:
    gate = Gate(engine)
    await gate.reached()
    callers = [asyncio.ensure_future(engine.write(put(name))) for name in "abc"]
    await gate.open()
    assert await asyncio.gather(*callers) == ["a", "b", "c"]


async def test_steps_that_share_a_commit_each_get_their_own_error(engine: Engine) -> None:
    gate = Gate(engine)
    await gate.reached()
    steps: list[Step[str]] = [put("a"), fail, put("a"), put("b")]
    callers = [asyncio.ensure_future(engine.write(step)) for step in steps]
    await gate.open()
    good, mine, taken, other = await asyncio.gather(*callers, return_exceptions=True)
    assert (good, other) == ("a", "b")
    assert isinstance(mine, ValueError)
    assert isinstance(taken, StoreError)
    assert await names(engine) == ["a", "b"]


async def test_a_step_that_fails_leaves_nothing_behind(either: Engine) -> None:
    with pytest.raises(ValueError, match="mine"):
        await either.write(fail)
    assert await names(either) == []
    assert await either.write(put("a")) == "a"


async def test_a_caller_cancelled_before_its_commit_is_taken_out_of_it(engine: Engine) -> None:
    gate = Gate(engine)
    await gate.reached()
    leaves = asyncio.ensure_future(engine.write(put("a")))
    stays = asyncio.ensure_future(engine.write(put("b")))
    await asyncio.sleep(0)
    leaves.cancel()
    await gate.open()
    assert await stays == "b"
    assert leaves.cancelled()
    assert await names(engine) == ["b"]


async def test_a_caller_cancelled_during_its_commit_is_stored(engine: Engine) -> None:
    gate = Gate(engine)
    await gate.reached()
    gate.commit.cancel()
    gate._open.set()
    await engine.write(put("after"))
    assert gate.commit.cancelled()
    assert await names(engine) == ["after"]


async def test_more_callers_than_share_one_commit_are_all_served(engine: Engine) -> None:
    gate = Gate(engine)
    await gate.reached()
    callers = [asyncio.ensure_future(engine.write(put(f"{at:04}"))) for at in range(700)]
    await gate.open()
    assert len(await asyncio.gather(*callers)) == 700
    assert len(await names(engine)) == 700


async def test_a_reader_does_not_wait_for_the_writer(engine: Engine) -> None:
    gate = Gate(engine)
    await gate.reached()
    assert await names(engine) == []
    await gate.open()


async def test_an_error_while_reading_is_a_store_error(either: Engine) -> None:
    with pytest.raises(StoreError, match="no such table"):
        await either.read(lambda c: c.execute("SELECT 1 FROM nowhere").fetchall())
    assert await names(either) == []


async def test_a_full_disk_is_told_with_its_remedy_and_loses_nothing(either: Engine) -> None:
    await either.write(put("kept"))
    pages = either._writer.execute("PRAGMA page_count").get
    either._writer.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    big = "INSERT INTO secrets VALUES ('p', '', 'big', zeroblob(1000000), 1)"
    with pytest.raises(StoreError, match="the disk is full") as raised:
        await either.write(lambda c: c.execute(big).fetchall())
    assert raised.value.hint
    assert await names(either) == ["kept"]
    either._writer.execute("PRAGMA max_page_count = 1000000").fetchall()
    assert await either.write(put("again")) == "again"


@contextmanager
def held(path: str) -> Iterator[None]:
    """Hold the file as another process does that is stuck in a transaction."""
    with closing(open_connection(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_another_process_that_holds_the_file_for_long_is_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(opening, "BUSY_MS", 100)
    engine = Engine(str(tmp_path / "a.db"))
    await engine.write(put("kept"))
    with held(engine.path):
        with pytest.raises(StoreError, match="another process holds the database") as raised:
            await engine.write(put("a"))
        assert raised.value.hint
        assert await names(engine) == ["kept"]
    assert await engine.write(put("a")) == "a"
    await engine.aclose()


async def test_a_hundred_callers_before_a_held_file_do_not_wait_one_after_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(opening, "BUSY_MS", 200)
    engine = Engine(str(tmp_path / "a.db"))
    with held(engine.path):
        async with asyncio.timeout(5):
            callers = (engine.write(put(f"{at}")) for at in range(100))
            answers = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(one, StoreError) for one in answers)
    assert await names(engine) == []
    await engine.aclose()


async def test_a_closed_store_says_so(either: Engine) -> None:
    await either.aclose()
    for call in (either.write(put("a")), either.read(lambda _: None)):
        with pytest.raises(StoreError, match="closed"):
            await call


async def test_closing_twice_is_harmless(either: Engine) -> None:
    await either.aclose()
    await either.aclose()


async def test_what_waits_is_committed_before_the_close(engine: Engine) -> None:
    gate = Gate(engine)
    await gate.reached()
    callers = [asyncio.ensure_future(engine.write(put(name))) for name in "ab"]
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(engine.aclose())
    await asyncio.sleep(0)
    await gate.open()
    await closing
    assert await asyncio.gather(*callers) == ["a", "b"]
    again = Engine(engine.path, inline=True)
    assert await names(again) == ["a", "b"]
    await again.aclose()


async def ends(script: str, path: Path) -> tuple[int | None, str]:
    """Run a script in a process of its own; return its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(20):
        said, _ = await process.communicate()
    return process.returncode, said.decode()


FORKS = """
import asyncio, os, sys
from ductape.errors import StoreError
from ductape.stores.sqlite.file.engine import Engine

def refused(call):
    try:
        call.send(None)
    except StoreError as error:
        return "forked" in str(error)
    return False

async def main():
    engine = Engine(sys.argv[1])
    child = os.fork()
    if child == 0:
        calls = [engine.write(lambda c: None), engine.read(lambda c: None)]
        os._exit(0 if all([refused(call) for call in calls]) else 1)
    _, status = os.waitpid(child, 0)
    await engine.write(lambda c: c.execute("SELECT 1").fetchall())
    await engine.aclose()
    return os.waitstatus_to_exitcode(status)

sys.exit(asyncio.run(main()))
"""


async def test_a_process_that_forked_after_the_store_was_opened_is_refused(tmp_path: Path) -> None:
    code, said = await ends(FORKS, tmp_path / "a.db")
    assert code == 0, said


FORGETS = """
import asyncio, sys
from ductape.stores.sqlite.file.engine import Engine

async def main():
    engine = Engine(sys.argv[1])
    await engine.write(lambda c: c.execute(
        "INSERT INTO secrets VALUES ('p', '', 'a', x'00', 1)").fetchall())
    raise SystemExit(7)

asyncio.run(main())
"""


async def test_a_process_that_forgets_to_close_still_ends_and_loses_nothing(
    tmp_path: Path,
) -> None:
    code, said = await ends(FORGETS, tmp_path / "a.db")
    assert code == 7, said
    again = Engine(str(tmp_path / "a.db"), inline=True)
    assert await names(again) == ["a"]
    await again.aclose()

"""A lone write is committed where it is called, and never makes the event loop wait for others."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from ductape.errors import StoreError
from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.engine import NEWEST_COUNTS, QUICK_S, Engine
from ductape.stores.sqlite.file.opening import connect


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    made = Engine(str(tmp_path / "a.db"))
    await made.write(lambda c: c.execute("CREATE TABLE seen (thread TEXT)").fetchall())
    made._commit_s = 0.0
    yield made
    await made.aclose()


def note_thread(connection: Connection) -> str:
    """Write down which thread writes."""
    name = threading.current_thread().name
    connection.execute("INSERT INTO seen VALUES (?)", (name,))
    return name


async def test_a_lone_write_needs_no_other_thread(engine: Engine) -> None:
    assert await engine.write_lone(note_thread) == threading.current_thread().name
    seen = await engine.read(lambda c: c.execute("SELECT thread FROM seen").fetchall())
    assert seen == [(threading.current_thread().name,)]


async def test_where_commits_are_slow_the_loop_does_not_wait_for_them(engine: Engine) -> None:
    engine._commit_s = QUICK_S / (1 - NEWEST_COUNTS) + QUICK_S
    assert await engine.write_lone(note_thread) == "ductape-write"


async def test_behind_others_it_waits_its_turn(engine: Engine) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(_: Connection) -> bool:
        begun.set()
        return go_on.wait(10)

    first = asyncio.ensure_future(engine.write(slow))
    await asyncio.to_thread(begun.wait, 10)
    second = asyncio.ensure_future(engine.write_lone(note_thread))
    await asyncio.sleep(0)
    assert not second.done()
    go_on.set()
    assert await asyncio.gather(first, second) == [True, "ductape-write"]


async def test_while_another_connection_writes_the_loop_goes_on(engine: Engine) -> None:
    with closing(connect(engine.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(engine.write_lone(note_thread))
        ticks = 0
        while ticks < 5:
            await asyncio.sleep(0)
            ticks += 1
        assert not waiting.done()
        other.execute("COMMIT")
        assert await waiting == "ductape-write"


async def test_a_failing_lone_write_tells_its_caller_and_changes_nothing(engine: Engine) -> None:
    with pytest.raises(StoreError):
        await engine.write_lone(lambda c: c.execute("INSERT INTO nowhere VALUES (1)"))
    assert await engine.write_lone(note_thread) == threading.current_thread().name


async def test_how_long_commits_take_is_kept_up_with(engine: Engine) -> None:
    engine._commit_s = 1.0
    for _ in range(60):
        await engine.write(note_thread)
    assert engine._commit_s < 0.5

"""A look at an open SQLite file: the library, the disk, and what waits in it (SPEC 13)."""

from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage

import apsw

from ductape.ports.stores.inspecting import Quarantined, SqliteFacts, StoreFacts, Waiting, joined
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.filesystem import kind_of
from ductape.stores.sqlite.file.statements import statements

MOST_RUNS = 1_000
"""How many runs of one group are counted."""
MOST_GROUPS = 100
"""How many groups of one queue: runs of the same priority, flow and handler."""
BEFORE_ALL: dict[str, Cell] = {"rank": -(10**9), "flow": "", "needs": ""}
"""Sorts before every group."""
MOST_QUEUES = 100
MOST_QUARANTINED = 20


class SqliteInspecting:
    """Where the file itself is looked at."""

    def __init__(self, engine: Engine) -> None:
        """Look through an engine."""
        self._engine = engine

    async def server_now_ms(self) -> None:
        """Return none: there is no server."""
        return

    async def facts(self, *, now_ms: int) -> StoreFacts:
        """Look, changing nothing."""
        return await self._engine.read(lambda c: _facts(c, self._engine.path, now_ms))


def _facts(connection: Connection, path: str, now_ms: int) -> StoreFacts:
    asked: dict[str, Cell] = {"most": MOST_QUARANTINED}
    faulty = connection.execute(statements("inspecting")["quarantined"], asked).fetchall()
    paused = connection.execute(statements("inspecting")["paused"]).fetchall()
    return StoreFacts(
        engine=_engine_facts(connection, path),
        waiting=joined(_waiting(connection, now_ms)),
        paused=frozenset(row[0] for row in paused),
        quarantined=tuple(Quarantined(*row) for row in faulty),
    )


def _engine_facts(connection: Connection, path: str) -> SqliteFacts:
    major, minor, patch = (int(part) for part in apsw.sqlite_lib_version().split("."))
    folder = Path(path).absolute().parent
    page_bytes = _pragma(connection, "page_size")
    return SqliteFacts(
        version=(major, minor, patch),
        journal_mode=str(connection.execute("PRAGMA journal_mode").get),
        synchronous=_pragma(connection, "synchronous"),
        file_system=kind_of(folder),
        file_bytes=page_bytes * _pragma(connection, "page_count"),
        wal_bytes=_size(Path(f"{path}-wal")),
        unused_bytes=page_bytes * _pragma(connection, "freelist_count"),
        disk_free_bytes=disk_usage(folder).free,
    )


def _waiting(connection: Connection, now_ms: int) -> Iterator[Waiting]:
    sql = statements("inspecting")
    first: dict[str, Cell] = {"after": "", "most": MOST_QUEUES}
    waiting = connection.execute(statements("runs")["queues"], first).fetchall()
    suspect = connection.execute(statements("runs")["suspect_queues"]).fetchall()
    for queue in sorted({row[0] for row in (*waiting, *suspect)})[:MOST_QUEUES]:
        yield from _groups(connection, queue)
        asked: dict[str, Cell] = {"queue": queue, "most": MOST_RUNS}
        for needs, *figures in connection.execute(sql["suspect"], asked):
            yield _of(queue, needs, *figures)
    overdue: dict[str, Cell] = {"now": now_ms, "most": MOST_RUNS}
    for row in connection.execute(sql["overdue"], overdue):
        yield _of(*row)


def _groups(connection: Connection, queue: str) -> Iterator[Waiting]:
    """Go from group to group of one queue: of each, its first run is the oldest."""
    sql = statements("inspecting")
    asked: dict[str, Cell] = {"queue": queue, "most": MOST_RUNS, **BEFORE_ALL}
    for _ in range(MOST_GROUPS):
        head = connection.execute(sql["next_head"], asked).fetchone()
        if head is None:
            return
        rank, flow, needs, oldest_ms = head
        asked |= {"rank": rank, "flow": flow, "needs": needs}
        count, example = connection.execute(sql["group"], asked).get
        yield _of(queue, needs, count, oldest_ms, example)


def _of(queue: str, needs: str, count: int, oldest_ms: int, example: str) -> Waiting:
    return Waiting(queue, needs or None, count, count >= MOST_RUNS, oldest_ms, example)


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").get)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0

"""A look at the database itself: what stands behind the store, and how it is doing (SPEC 13).

Cheap whatever the tables hold: what would take a scan is estimated, or looked at up to a bound, and
says so. Instants are epoch milliseconds, sizes bytes.
"""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct


class Waiting(Struct, frozen=True):
    """Runs that are due, wait in one queue for a worker, and need the same handler."""

    queue: str
    needs: str | None
    """The handler tag, as `job:tag`; none where every worker of the queue will do."""
    count: int
    at_least: bool
    """Whether the count ended at its bound: there may be more."""
    oldest_due_ms: int
    example: str
    """The id of one of their jobs."""


class Quarantined(Struct, frozen=True):
    """A recurrence that cannot be computed."""

    job_id: str
    event: str
    fault: str


class TableFacts(Struct, frozen=True):
    """One table of a server, its indexes and partitions with it. Rows are estimates."""

    name: str
    bytes: int
    rows: int
    dead_rows: int
    """Old versions of rows that take up space until they are vacuumed."""


class LockHolder(Struct, frozen=True):
    """Somebody who has locked one of our tables against others."""

    pid: int
    """Of the server's process that serves them."""
    user: str
    program: str
    """What they call themselves; may be empty."""
    table: str
    since_ms: int | None
    """When their transaction began, where we may see it."""


class PostgresFacts(Struct, frozen=True):
    """A PostgreSQL server."""

    version: str
    read_only: bool
    """Whether it is a standby, or set to be only read."""
    pooled: bool
    """Whether a pooler stands between it and us."""
    connections: int
    most_connections: int
    careless: tuple[str, ...]
    """Settings, as `fsync = off`, under which a crash may take what was stored."""
    tables: tuple[TableFacts, ...]
    holders: tuple[LockHolder, ...]


class SqliteFacts(Struct, frozen=True):
    """A SQLite file and the library that reads it."""

    version: tuple[int, int, int]
    journal_mode: str
    synchronous: int
    """2 is `FULL`: each commit waits for the disk."""
    file_system: str | None
    """The type of the file system it lies on; none where that cannot be told."""
    file_bytes: int
    wal_bytes: int
    """What is not moved into the file yet."""
    unused_bytes: int
    """Pages of the file that hold nothing."""
    disk_free_bytes: int


class StoreFacts(Struct, frozen=True):
    """What one look found."""

    engine: PostgresFacts | SqliteFacts
    waiting: tuple[Waiting, ...]
    paused: frozenset[str]
    """The queues that a person has paused."""
    quarantined: tuple[Quarantined, ...]
    """Some of them, where there are many."""


def joined(found: Iterable[Waiting]) -> tuple[Waiting, ...]:
    """Add up what waits in one queue and needs the same."""
    by_need: dict[tuple[str, str], Waiting] = {}
    for one in found:
        place = (one.queue, one.needs or "")
        known = by_need.get(place)
        by_need[place] = one if known is None else _added(known, one)
    return tuple(by_need[place] for place in sorted(by_need))


def _added(one: Waiting, other: Waiting) -> Waiting:
    return Waiting(
        queue=one.queue,
        needs=one.needs,
        count=one.count + other.count,
        at_least=one.at_least or other.at_least,
        oldest_due_ms=min(one.oldest_due_ms, other.oldest_due_ms),
        example=min(one.example, other.example),
    )


class Inspecting(Protocol):
    """Where the database itself is looked at."""

    async def server_now_ms(self) -> int | None:
        """Return what the server's clock says; none where there is no server."""
        ...

    async def facts(self, *, now_ms: int) -> StoreFacts:
        """Look, changing nothing."""
        ...

"""What a server and this process have spent: processor time, WAL, syncs, rows, transactions.

Nothing is asked that a server out of the box does not count. Processor time is read from `/proc`,
in seconds; of a server process that has ended, from what its parent keeps of it (in ticks of
10 ms). Rows and transactions reach the statistics when a connection is closed: read after that.
"""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.scale.costs import Phase

TICK_S = 1 / os.sysconf("SC_CLK_TCK")

SPENT = """
SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint,
    (SELECT wal_fpi FROM pg_stat_wal),
    (SELECT coalesce(sum(fsyncs), 0)::bigint FROM pg_stat_io WHERE object = 'wal')
"""
ROWS = """
SELECT CASE WHEN relname LIKE 'history%' THEN 'history' ELSE relname END,
    sum(n_tup_ins)::bigint, sum(n_tup_upd)::bigint, sum(n_tup_del)::bigint
FROM pg_stat_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 GROUP BY 1
"""
COMMITS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
LEFT = """
SELECT sum(pg_total_relation_size(relid))::bigint, sum(pg_indexes_size(relid))::bigint
FROM pg_stat_user_tables WHERE relname LIKE 'history%'
"""


@dataclass(frozen=True)
class Spent:
    """What was spent up to an instant, or between two."""

    wall_s: float
    client_s: float
    """Processor time of this process, all threads."""
    server_s: float
    """Processor time of all processes of the server."""
    wal_bytes: int
    full_pages: int
    """Whole pages in the WAL: each page's first change after a checkpoint."""
    syncs: int
    """How often the WAL was written through to the disk."""

    def since(self, before: "Spent") -> "Spent":
        """Return what was spent since then."""
        return Spent(
            self.wall_s - before.wall_s,
            self.client_s - before.client_s,
            self.server_s - before.server_s,
            self.wal_bytes - before.wal_bytes,
            self.full_pages - before.full_pages,
            self.syncs - before.syncs,
        )


@dataclass(frozen=True)
class Ledger:
    """What a database has counted since it was made."""

    commits: int
    rows: dict[str, tuple[int, int, int]]
    """Of each table: inserted, updated, deleted; the days of `history` count as one."""
    history_bytes: int
    """With indexes and TOAST."""
    history_index_bytes: int


class Meter:
    """Reads one server's counters by one connection that stays open."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Read by a connection in autocommit mode."""
        self._connection = connection
        self._server = _parent(connection.info.backend_pid)

    def read(self) -> Spent:
        """Return what was spent so far; its own part is some 0.1 ms."""
        row = self._connection.execute(SPENT, prepare=True).fetchone()
        assert row is not None
        server_s = _reaped_s(self._server) + sum(ran_s(pid) for pid in _family(self._server))
        return Spent(time.perf_counter(), time.process_time(), server_s, *row)


@contextmanager
def metering(url: str) -> Generator[Meter]:
    """Open a meter on a server, by any of its databases."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield Meter(connection)


def ledger(url: str) -> Ledger:
    """Read what a database has counted; connections still open may owe up to a second."""
    with psycopg.connect(url, autocommit=True) as connection:
        [[commits]] = connection.execute(COMMITS).fetchall()
        rows = connection.execute(ROWS).fetchall()
        [[history, indexes]] = connection.execute(LEFT).fetchall()
    changed = {name: (inserted, updated, deleted) for name, inserted, updated, deleted in rows}
    return Ledger(commits, changed, history or 0, indexes or 0)


def ran_s(pid: int) -> float:
    """Return for how long a process has run: nanoseconds, the first word of each `schedstat`."""
    try:
        threads = list(Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it has ended between the list and the look: its parent has its time


def machine_busy_s() -> float:
    """Return for how long all cores together were at work, whoever's work it was."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = (int(word) for word in words[:8])
    return (user + nice + system + irq + softirq + steal) * TICK_S


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _reaped_s(pid: int) -> float:
    """Return the time of children that have ended."""
    return sum(int(word) for word in _stat(pid)[13:15]) * TICK_S


def _stat(pid: int) -> list[str]:
    """Return the words after the name, which may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]


def phase_of(
    spent: Spent,
    name: str,
    jobs: int,
    *,
    commits: float,
    rows: dict[str, tuple[float, float, float]],
) -> Phase:
    """Tell what was spent as what one of so many jobs costs; round trips are counted elsewhere."""
    return Phase(
        name=name,
        jobs=jobs,
        client_us=spent.client_s / jobs * 1e6,
        server_us=spent.server_s / jobs * 1e6,
        wal_bytes=spent.wal_bytes / jobs,
        full_pages=spent.full_pages / jobs,
        syncs=spent.syncs / jobs,
        commits=commits,
        round_trips=0.0,
        rows=rows,
    )

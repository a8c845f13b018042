"""Whether PostgreSQL's table of live runs grows with what passes through it, and claims with it.

    python -m bench bloat                 2,000,000 jobs, never more than 10,000 waiting
    python -m bench bloat --jobs 500000   fewer
    python -m bench bloat --short         as the tests do

Nothing is left out of what a worker does to the store: two lanes take turns of a hundred runs,
which settle, renew the lease and claim; the table is tidied as a worker tidies it; history is kept.
The server is as it comes, its autovacuum once a minute.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import count
from statistics import median
from zoneinfo import ZoneInfo

import psycopg

from ductape.domain.change import Settlement
from ductape.domain.ids import job_id
from ductape.domain.job import Claim, JobSpec, Run
from ductape.domain.outcome import Outcome, Success
from ductape.domain.request import JobEventTypes
from ductape.domain.settlement import settle
from ductape.ports.stores import Store
from ductape.ports.stores.claims import Wish
from ductape.ports.stores.fleet import WorkerRecord
from ductape.ports.stores.intake import NewJob
from ductape.stores.postgres.store import open_postgres
from ductape.worker.duties.tidying import keep_tidy
from tests.servers.postgres import postgres_server

MOST_WAITING = 10_000
A_CALL = 1_000
A_TURN = 100
LANES = 2
LEASE_MS = 600_000
LONG, SHORT = 2_000_000, 60_000

WORKER = WorkerRecord(
    id="bloat",
    host="here",
    pid=os.getpid(),
    queues=(),
    handlers=(),
    concurrency=LANES * A_TURN,
    started_at_ms=0,
)
WISH = Wish(worker=WORKER.id, queues=(), handlers=frozenset(), slots=A_TURN, lease_ms=LEASE_MS)


@dataclass(frozen=True)
class Figures:
    """What was measured."""

    jobs: int
    seconds: float
    table_mib: float
    """`runs` with its indexes and its TOAST, at the end: it is never cut, so that is the most."""
    indexes_mib: float
    vacuums: int
    autovacuums: int
    turn_ms: list[float]
    """The median turn of each tenth of the jobs."""

    @property
    def growth(self) -> float:
        """By what share of the first the last is longer; negative where it is shorter."""
        return self.turn_ms[-1] / self.turn_ms[0] - 1


class WallClock:
    """Implements `ports.clock.Clock`."""

    def now_ms(self) -> int:
        """Return epoch milliseconds."""
        return time.time_ns() // 1_000_000


class Passage:
    """Jobs on their way through a store."""

    def __init__(self, store: Store, jobs: int) -> None:
        self._store = store
        self._clock = WallClock()
        self._made = count()
        self._jobs = jobs
        self._added = 0
        self._taken = 0
        self.turns: list[tuple[int, float]] = []
        """How many jobs were taken before a turn, and how many ms it took."""

    async def go(self) -> None:
        """Let all jobs through."""
        await self._store.fleet.register(WORKER, now_ms=self._clock.now_ms(), lease_ms=LEASE_MS)
        tidying = asyncio.create_task(keep_tidy(self._store, self._clock, WORKER.id))
        await asyncio.gather(self._fill(), *(self._drain() for _ in range(LANES)))
        tidying.cancel()
        await asyncio.wait([tidying])

    def tenth(self, at: int) -> float:
        """Return the median turn of one tenth of the jobs, in ms."""
        size = self._jobs / 10
        return median(ms for taken, ms in self.turns if at <= taken / size < at + 1)

    async def _fill(self) -> None:
        while self._added < self._jobs:
            if self._added - self._taken > MOST_WAITING - A_CALL:
                await asyncio.sleep(0.001)
                continue
            now_ms = self._clock.now_ms()
            jobs = [new_job(now_ms, number=next(self._made)) for _ in range(A_CALL)]
            await self._store.intake.add(jobs, now_ms=now_ms)
            self._added += A_CALL

    async def _drain(self) -> None:
        ends: list[Settlement] = []
        while self._taken < self._jobs:
            taken = self._taken
            start = time.perf_counter()
            turn = await self._store.claims.turn(WISH, ends, now_ms=self._clock.now_ms())
            if len(turn.claims) == A_TURN and ends:
                self.turns.append((taken, (time.perf_counter() - start) * 1000))
            self._taken += len(turn.claims)
            ends = [decide(claim, Success(None), self._clock.now_ms()) for claim in turn.claims]
        await self._store.claims.settle(ends, now_ms=self._clock.now_ms())


def new_job(now_ms: int, *, number: int, due_in_ms: int = 0) -> NewJob:
    """Make a no-op job; `number` tells it from others of the same instant."""
    spec = JobSpec(
        product="shop",
        env="dev",
        event="noop",
        kind=JobEventTypes.JOB,
        input={"number": number},
        retries=0,
        created_at_ms=now_ms,
    )
    run = Run(
        job_id=job_id(now_ms, 0, (number << 2).to_bytes(8, "big") + bytes(2)),
        number=1,
        state="scheduled" if due_in_ms else "queued",
        spec=spec,
        scheduled_at_ms=now_ms + due_in_ms,
        due_at_ms=now_ms + due_in_ms,
    )
    return NewJob(job_id=run.job_id, spec=spec, run=run)


def decide(claim: Claim, outcome: Outcome, now_ms: int) -> Settlement:
    """Settle without chance: nothing here is tried again."""
    return settle(claim, outcome, now_ms=now_ms, draw=0.0, zones=ZoneInfo)


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Store]:
    """Open the store."""
    store = await open_postgres(url, decide=decide, token="bloat")  # noqa: S106 (a name)
    yield store
    await store.aclose()


async def measure(jobs: int, *, durable: bool) -> Figures:
    """Let jobs through a server of their own; `durable`: wait for the disk at each commit."""
    with postgres_server(durable=durable, settings=("autovacuum_naptime=60s",)) as server:
        async with opened(server.url) as store:
            passage = Passage(store, jobs)
            start = time.perf_counter()
            await passage.go()
            seconds = time.perf_counter() - start
        with psycopg.connect(server.url) as connection:
            [[table, indexes, vacuums, autovacuums]] = connection.execute("""
                SELECT pg_total_relation_size(relid), pg_indexes_size(relid), vacuum_count,
                    autovacuum_count
                FROM pg_stat_all_tables WHERE relid = 'ductape.runs'::regclass
            """).fetchall()
    return Figures(
        jobs=jobs,
        seconds=round(seconds, 1),
        table_mib=round(table / 2**20, 1),
        indexes_mib=round(indexes / 2**20, 1),
        vacuums=vacuums,
        autovacuums=autovacuums,
        turn_ms=[round(passage.tenth(at), 2) for at in range(10)],
    )


def main(words: Sequence[str]) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="bench bloat",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--jobs", type=int, help=f"how many; {LONG:,}, or {SHORT:,} if short")
    parser.add_argument("--short", action="store_true", help="fewer, without waiting for the disk")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    given = parser.parse_args(words)
    jobs = given.jobs or (SHORT if given.short else LONG)
    figures = asyncio.run(measure(jobs, durable=not given.short))
    if given.json:
        print(json.dumps({**asdict(figures), "growth": round(figures.growth, 3)}))
        return 0
    print(f"{jobs:,} jobs in {figures.seconds:,} s; load {os.getloadavg()[0]:.1f}")
    print(f"`runs` with its indexes: {figures.table_mib} MiB, of it indexes {figures.indexes_mib}")
    print(f"vacuums: {figures.vacuums} by us, {figures.autovacuums} by the server")
    print(f"median turn of each tenth, ms: {figures.turn_ms}; {figures.growth:+.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

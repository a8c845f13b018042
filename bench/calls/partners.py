"""Whom the calls go to: servers in processes of their own, and how busy these were."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.nats import nats_server
from tests.servers.programs import ended
from tests.servers.valkey import valkey


@dataclass(frozen=True)
class Partners:
    """Where everybody is."""

    http: str
    smtp_port: int
    redis: str
    nats: str
    pids: dict[str, int]
    """Of the process behind each: `http`, `smtp`, `redis`, `nats`."""


@dataclass
class Busy:
    """How busy a process was, as a share of one core; set when the watching ends."""

    share: float = 0.0


@asynccontextmanager
async def partners(folder: Path) -> AsyncGenerator[Partners]:
    """Run all of them, their files in a folder."""
    keeping = [folder / name for name in ("valkey", "nats")]
    for one in keeping:
        one.mkdir()
    async with (
        _answering() as (ports, pid),
        valkey(keeping[0]) as redis,
        nats_server(keeping[1]) as nats,
    ):
        yield Partners(
            http=f"http://127.0.0.1:{ports['http']}",
            smtp_port=ports["smtp"],
            redis=redis.url,
            nats=nats.url,
            pids={"http": pid, "smtp": pid, "redis": redis.process.pid, "nats": nats.process.pid},
        )


@contextmanager
def watched(pid: int) -> Generator[Busy]:
    """Tell at the end how busy a process was meanwhile."""
    busy = Busy()
    before_s, start = _cpu_s(pid), time.perf_counter()
    yield busy
    busy.share = (_cpu_s(pid) - before_s) / (time.perf_counter() - start)


@asynccontextmanager
async def _answering() -> AsyncGenerator[tuple[dict[str, int], int]]:
    words = (sys.executable, "-m", "bench.calls.answering")
    process = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(await process.stdout.readline()), process.pid
    finally:
        await ended(process)


def _cpu_s(pid: int) -> float:
    """Add up what its threads ran for; `stat` counts by ticks, and misses what is short."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

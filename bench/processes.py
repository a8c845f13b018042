"""Figures of two processes on one store: a worker here, and another process that dispatches."""

import json
import statistics
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench.figures import PAUSE_S, Probe, Scale, Stopwatch, fill, opened
from bench.grounds import Ground
from bench.report import Row

WITHOUT_END = 10_000_000


async def elsewhere(ground: Ground, scale: Scale) -> list[Row]:
    """From the dispatch call in another process to the handler's first line, one every 20 ms."""
    url = await ground.store("ours")
    probe = Probe()
    async with opened(url, probe, worker=True), _dispatching(url, "far", scale.picked_up, PAUSE_S):
        taken = sorted([await probe.taken_ms.get() for _ in range(scale.picked_up)])
    bare = await ground.commit_ms(scale.picked_up, PAUSE_S)
    figure = "pick-up from another process"
    return [
        Row(f"{figure}, p50", statistics.median(taken), "ms", bare, "floor: a bare commit"),
        Row(f"{figure}, p99", taken[int(len(taken) * 0.99)], "ms"),
    ]


async def drain_beside(ground: Ground, scale: Scale) -> list[Row]:
    """Drain while another process dispatches as fast as one caller who awaits each may."""
    rates: list[float] = []
    meanwhile: list[float] = []
    for _ in range(scale.rounds):
        url = await ground.store("ours")
        await fill(url, scale.drained)
        probe = Stopwatch()
        probe.expect(scale.drained)
        async with (
            _dispatching(url, "noop", WITHOUT_END, 0) as other,
            opened(url, probe, worker=True),
        ):
            await probe.all_called.wait()
            rates.append(probe.rate())
        meanwhile.append(other.rate)
    note = f"meanwhile it dispatched {statistics.median(meanwhile):,.0f} jobs/s"
    figure = "drain while another process dispatches"
    return [Row(figure, statistics.median(rates), "jobs/s", note=note)]


@dataclass
class _Other:
    """The other process."""

    process: Process
    told: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def rate(self) -> float:
        """Return the jobs a second that it dispatched; known once it has ended."""
        return self.told["rate"]


@asynccontextmanager
async def _dispatching(url: str, event: str, count: int, pause_s: float) -> AsyncGenerator[_Other]:
    """Let another process dispatch until it has `count`, or the block ends."""
    words = ("-m", "bench.dispatching", url, event, str(count), str(pause_s))
    process = await create_subprocess_exec(sys.executable, *words, stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    other = _Other(process)
    yield other
    told, _ = await process.communicate(b"")
    other.told = json.loads(told)

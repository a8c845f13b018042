"""What is measured of one peer: how fast it stores, drains, picks up, and what it costs at rest.

Rates are jobs a second, latencies milliseconds. Everything is told to the peer's own processes
(`processes`); the driver itself does nothing while they work.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.versus.places import Place
from bench.versus.processes import Adapter, AdapterFailed, running
from bench.versus.roster import Peer
from bench.versus.scale import Scale

A_CALL = 1_000
PAUSE_MS = 20
APART_MS = 97
"""Scheduled probes are this far apart: a prime, so that no peer's rhythm hides in it."""
HELD_WITHIN_S = 20
OTHERS_WITHIN_S = 3
"""How long the others get once the first holds its jobs: some peers end a job after ten seconds."""
FEWEST = 500
LOOK_S = 0.02
WARM_WITHIN_S = 30
WARM_EVERY_S = 0.5
LISTENING_S = 1.5
"""How long a peer that must listen first gets to do so."""


@dataclass(frozen=True)
class Sample:
    """One figure of one peer, measured once."""

    figure: str
    value: float
    note: str = ""


@dataclass(frozen=True)
class Visit:
    """One peer on its ground, with its client process running."""

    peer: Peer
    place: Place
    client: Adapter
    folder: Path
    scale: Scale
    once: bool
    """Whether the slow figures are due too: they are measured in one round only."""

    @asynccontextmanager
    async def opened(self, name: str) -> AsyncGenerator[str]:
        """Open an empty database in the client; give its URL."""
        url = await self.place.fresh(f"{self.peer.name}_{name}")
        await self.client.ask("open", url=url)
        try:
            yield url
        finally:
            if not self.client.ended:
                await self.client.ask("close")

    @asynccontextmanager
    async def workers(self, url: str, count: int) -> AsyncGenerator[list[Adapter]]:
        """Run worker processes."""
        command = self.peer.command("worker", url)
        async with AsyncExitStack() as stack:
            yield [
                await stack.enter_async_context(
                    running(command, self.peer.environment(url), self.folder)
                )
                for _ in range(count)
            ]


async def storing(visit: Visit, wanted: set[str]) -> AsyncGenerator[Sample]:
    """Store one by one, by many callers, in bulk."""
    scale = visit.scale
    bulk = min(scale.bulk, max(A_CALL, share_of(visit)))
    asked: dict[str, tuple[int, dict[str, int]]] = {
        "single": (scale.single, {"count": scale.single}),
        "concurrent": (
            scale.callers * scale.each,
            {"callers": scale.callers, "each": scale.each},
        ),
        "bulk": (bulk, {"count": bulk}),
    }
    async with visit.opened("storing"):
        for figure, (count, words) in asked.items():
            if figure in wanted:
                yield Sample(figure, count / await visit.client.ask(figure, **words))


async def draining(visit: Visit, wanted: set[str]) -> AsyncGenerator[Sample]:
    """Drain by one worker process; then, of the same, pick-up, lateness and rest."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(visit.opened("one"))
        if "drain" in wanted:
            workers = await stack.enter_async_context(loaded(visit, url, 1, share_of(visit)))
            yield await drain(workers, share_of(visit), visit.scale, "drain")
        else:
            workers = await stack.enter_async_context(visit.workers(url, 1))
        worker = workers[0]
        if wanted & {"pick_up", "lateness"}:
            await _warm(visit, worker)
        if "pick_up" in wanted:
            for sample in await _pick_up(visit, worker):
                yield sample
        if "lateness" in wanted and visit.once:
            for sample in await _lateness(visit, worker):
                yield sample
        if "idle" in wanted and visit.once:
            for sample in await _idle(visit, worker, url):
                yield sample


async def draining_by_two(visit: Visit, wanted: set[str]) -> AsyncGenerator[Sample]:
    """Drain by two worker processes."""
    if "drain_two" in wanted:
        async with (
            visit.opened("two") as url,
            loaded(visit, url, 2, share_of(visit)) as workers,
        ):
            yield await drain(workers, share_of(visit), visit.scale, "drain_two")


def share_of(visit: Visit) -> int:
    """Tell how many jobs a drain of this peer has."""
    return max(FEWEST, round(visit.peer.drained * visit.scale.drained))


@asynccontextmanager
async def loaded(
    visit: Visit, url: str, processes: int, count: int
) -> AsyncGenerator[list[Adapter]]:
    """Store the jobs of a drain, and run workers on them."""
    if visit.peer.loads_first:
        await visit.client.ask("bulk", count=count)
        async with visit.workers(url, processes) as workers:
            yield workers
        return
    async with visit.workers(url, processes) as workers:
        for worker in workers:
            await worker.until(lambda seen: "handled" in seen, HELD_WITHIN_S)
        await asyncio.sleep(LISTENING_S)
        await visit.client.ask("bulk", count=count)
        yield workers


async def drain(workers: list[Adapter], count: int, scale: Scale, figure: str) -> Sample:
    """Open the gate once all hold their first jobs; end with the last job's handler.

    What is in hand when it opens is not counted: it was claimed before the clock started.
    """
    await _all_hold(workers)
    go_ns = time.monotonic_ns()
    for worker in workers:
        worker.send("go")
    while _handled(workers) < count and time.monotonic_ns() - go_ns < scale.longest_s * 1e9:
        await asyncio.sleep(LOOK_S)
    last_ns = max(worker.number("last_ns") for worker in workers)
    if last_ns <= go_ns:
        raise workers[0].failed("nothing was handled")
    handled = _handled(workers)
    held = sum(worker.number("held") for worker in workers)
    if held > handled / 2:
        raise AdapterFailed(f"{held} of {count} jobs were in hand before the clock started")
    return Sample(figure, (handled - held) / ((last_ns - go_ns) / 1e9), _oddity(handled, count))


async def _all_hold(workers: list[Adapter]) -> None:
    deadline = time.monotonic() + HELD_WITHIN_S
    while not all(waiting := [worker.number("waiting") for worker in workers]):
        if time.monotonic() > deadline:
            if any(waiting):
                return  # the first one has them all: that is its way of draining
            raise workers[0].failed("nothing was claimed")
        if any(waiting):
            deadline = min(deadline, time.monotonic() + OTHERS_WITHIN_S)
        await asyncio.sleep(LOOK_S)


def _oddity(handled: int, count: int) -> str:
    if handled > count:
        return f"{handled} calls for {count} jobs"
    return f"cut off after {handled} of {count}" if handled < count else ""


def _handled(workers: list[Adapter]) -> int:
    return sum(worker.number("handled") for worker in workers)


async def _warm(visit: Visit, worker: Adapter) -> None:
    """Send probes until one arrives."""
    worker.send("go")
    before = worker.number("picked")
    for _ in range(round(WARM_WITHIN_S / WARM_EVERY_S)):
        await visit.client.ask("paced", count=1, pause_ms=PAUSE_MS)
        if await worker.until(lambda seen: _count(seen, "picked") > before, WARM_EVERY_S):
            await asyncio.sleep(WARM_EVERY_S)
            return
    raise worker.failed("no probe was picked up")


async def _pick_up(visit: Visit, worker: Adapter) -> list[Sample]:
    before, count = worker.number("picked"), visit.scale.picked_up
    await visit.client.ask("paced", count=count, pause_ms=PAUSE_MS)
    await worker.until(lambda seen: _count(seen, "picked") >= before + count, HELD_WITHIN_S)
    taken = worker.figures("picked_ms")[before:]
    lost = count - len(taken)
    return list(percentiles("pick_up", taken, f"{lost} of {count} never arrived" if lost else ""))


async def _lateness(visit: Visit, worker: Adapter) -> list[Sample]:
    count = visit.scale.late
    await visit.client.ask("later", count=count, lead_ms=visit.scale.lead_ms, apart_ms=APART_MS)
    within_s = (visit.scale.lead_ms + APART_MS * count) / 1_000 + HELD_WITHIN_S
    await worker.until(lambda seen: _count(seen, "late") >= count, within_s)
    late = worker.figures("late_ms")
    if not late:
        raise AdapterFailed("no scheduled probe arrived")
    early = f"early, by up to {-min(late):.0f} ms" if min(late) < 0 else "never early"
    missing = f"; {count - len(late)} of {count} never ran" if len(late) < count else ""
    return [*percentiles("lateness", late, early + missing)]


async def _idle(visit: Visit, worker: Adapter, url: str) -> list[Sample]:
    await visit.client.ask("close")
    await asyncio.sleep(visit.scale.quiet_s)
    cpu_s, asked = worker.cpu_s(), await visit.place.transactions(url)
    await asyncio.sleep(visit.scale.idle_s)
    share = (worker.cpu_s() - cpu_s) / visit.scale.idle_s * 100
    samples = [Sample("idle_cpu", share)]
    now_asked = await visit.place.transactions(url)
    if asked is not None and now_asked is not None:
        samples.append(Sample("idle_queries", (now_asked - asked) / visit.scale.idle_s))
    return samples


def percentiles(figure: str, taken: list[float], note: str = "") -> Iterator[Sample]:
    """Make the samples of a latency: p50, p95, p99."""
    ordered = sorted(taken)
    for part in (50, 95, 99):
        at = min(len(ordered) - 1, len(ordered) * part // 100)
        yield Sample(f"{figure}_p{part}", ordered[at], note)


def _count(seen: dict[str, object], name: str) -> int:
    return int(str(seen.get(name, 0)))

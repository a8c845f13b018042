"""How fast `ductape worker` drains on this machine: what the model has to foretell."""

import time
from pathlib import Path

from bench.scale.costs import Drain
from bench.scale.meter import Meter, machine_busy_s
from bench.server import BenchServer
from bench.versus.figures import Visit, drain, loaded
from bench.versus.places import PostgresPlace
from bench.versus.processes import Adapter, running
from bench.versus.roster import OURS, PEERS
from bench.versus.scale import Scale


async def drains(
    server: BenchServer, meter: Meter, folder: Path, *, jobs: int, cores: int
) -> list[Drain]:
    """Drain by one worker process, then by two."""
    peer = next(peer for peer in PEERS if peer.name == OURS)
    async with running(peer.command("client"), peer.environment(""), folder) as client:
        await client.ready()
        visit = Visit(peer, PostgresPlace(server), client, folder, Scale.full(), once=False)
        return [await _drained(visit, meter, count, jobs, cores) for count in (1, 2)]


async def _drained(visit: Visit, meter: Meter, workers: int, jobs: int, cores: int) -> Drain:
    async with visit.opened(f"by{workers}") as url:
        await visit.client.ask("bulk", count=jobs)
        async with loaded(visit, url, workers, 0) as adapters:
            before, start = _taken_s(meter, adapters), time.perf_counter()
            busy_s = machine_busy_s()
            sample = await drain(adapters, jobs, visit.scale, "drain")
            wall_s = time.perf_counter() - start
            others_s = machine_busy_s() - busy_s - (_taken_s(meter, adapters) - before)
    return Drain(workers, sample.value, cores - max(0.0, others_s) / wall_s)


def _taken_s(meter: Meter, adapters: list[Adapter]) -> float:
    """Return the processor time of all that belong to the drain."""
    spent = meter.read()
    return spent.server_s + spent.client_s + sum(adapter.cpu_s() for adapter in adapters)

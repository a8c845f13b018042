"""How fast `ductape worker` drains on this machine: what the model has to foretell."""

from pathlib import Path

from bench.scale.costs import Drain
from bench.scale.meter import Meter, machine_busy_s
from bench.server import BenchServer
from bench.versus.figures import HELD_WITHIN_S, Visit, drain, loaded
from bench.versus.places import PostgresPlace
from bench.versus.processes import Adapter, running
from bench.versus.roster import OURS, PEERS
from bench.versus.scale import Scale

WORKERS = (1, 2)


async def drains(
    server: BenchServer, meter: Meter, folder: Path, *, jobs: int, cores: int, rounds: int
) -> list[Drain]:
    """Drain by one worker process and by two, by turns; keep the fastest of each.

    That is the least disturbed by others.
    """
    peer = next(peer for peer in PEERS if peer.name == OURS)
    async with running(peer.command("client"), peer.environment(""), folder) as client:
        await client.ready()
        visit = Visit(peer, PostgresPlace(server), client, folder, Scale.full(), once=False)
        found = [
            await _drained(visit, meter, workers, jobs, cores)
            for _ in range(rounds)
            for workers in WORKERS
        ]
    return [
        max((one for one in found if one.workers == workers), key=lambda one: one.jobs_a_second)
        for workers in WORKERS
    ]


async def _drained(visit: Visit, meter: Meter, workers: int, jobs: int, cores: int) -> Drain:
    async with visit.opened(f"by{workers}") as url:
        await visit.client.ask("bulk", count=jobs)
        async with loaded(visit, url, workers, 0) as adapters:
            await _until_held(adapters)
            before, began_s, busy_s = meter.read(), _own_s(adapters), machine_busy_s()
            sample = await drain(adapters, jobs, visit.scale, "drain")
            spent, own_s = meter.read().since(before), _own_s(adapters) - began_s
            others_s = machine_busy_s() - busy_s - own_s - spent.server_s - spent.client_s
    return Drain(
        workers=workers,
        jobs_a_second=sample.value,
        cores=cores - max(0.0, others_s) / spent.wall_s,
        client_us=own_s / jobs * 1e6,
        server_us=spent.server_s / jobs * 1e6,
    )


async def _until_held(adapters: list[Adapter]) -> None:
    """Wait until each holds its first jobs: their start is not part of a job."""
    for adapter in adapters:
        await adapter.until(lambda seen: bool(seen.get("waiting")), HELD_WITHIN_S)


def _own_s(adapters: list[Adapter]) -> float:
    return sum(adapter.cpu_s() for adapter in adapters)

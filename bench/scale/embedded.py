"""What a job costs on SQLite: processor time of the one process, bytes handed to the system."""

import time
from pathlib import Path

from bench.figures import JOB, PRODUCT
from bench.grounds import SETTINGS
from bench.scale.costs import Embedded
from bench.scale.phases import A_CALL, BULK, DRAIN, ONE, SLOTS, Amount, Gated
from ductape import Ductape
from ductape.worker.options import WorkerOptions


async def embedded(folder: Path, amount: Amount) -> list[Embedded]:
    """Dispatch one by one, then in bulk, then drain the latter."""
    file = folder / "embedded.db"
    gated = Gated(SLOTS)
    measured: list[Embedded] = []
    async with _opened(file, gated, worker=False) as ductape:
        await ductape.products.apply(PRODUCT)
        before = _spent()
        for _ in range(amount.single):
            await ductape.processor.job.dispatch(JOB)
        measured.append(_of(ONE, amount.single, before))
        before = _spent()
        for _ in range(amount.drained // A_CALL):
            await ductape.processor.job.dispatch_many([JOB] * A_CALL)
        measured.append(_of(BULK, amount.drained, before))
    jobs = amount.single + amount.drained
    empty = _size(file)
    async with _opened(file, gated, worker=True):
        await gated.all_held.wait()
        before = _spent()
        gated.gate.set()
        await gated.until(jobs)
        drained = _of(DRAIN, jobs, before)
    measured.append(
        Embedded(DRAIN, jobs, drained.cpu_us, drained.written_bytes, max(_size(file), empty) / jobs)
    )
    return measured


def _opened(file: Path, gated: Gated, *, worker: bool) -> Ductape:
    slots = WorkerOptions(concurrency=SLOTS) if worker else False
    return Ductape.open(f"sqlite:///{file}", config=SETTINGS, handlers=gated.handlers, worker=slots)


def _size(file: Path) -> int:
    return file.stat().st_size


def _of(name: str, jobs: int, before: tuple[float, int]) -> Embedded:
    cpu_s, written = _spent()
    return Embedded(name, jobs, (cpu_s - before[0]) / jobs * 1e6, (written - before[1]) / jobs)


def _spent() -> tuple[float, int]:
    """Return processor seconds, and bytes that were handed to the system."""
    counted = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return time.process_time(), int(counted["wchar"])
